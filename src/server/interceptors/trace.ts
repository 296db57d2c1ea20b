const traceparent = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/;

/** Returns the trace id in a W3C `traceparent` header; undefined when it is absent or malformed. */
export const traceIdOf = (header: string | undefined): string | undefined =>
  header === undefined ? undefined : traceparent.exec(header)?.[1];
