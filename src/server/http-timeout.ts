const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

const connectTimeout = (value: string | null): number | undefined =>
  value !== null && /^\d{1,10}$/.test(value) ? Number(value) : undefined;

/** Returns the milliseconds of a `grpc-timeout`; undefined when it is absent or malformed. */
export const grpcTimeoutMs = (value: unknown): number | undefined => (typeof value === "string" ? grpcTimeout(value) : undefined);

const grpcTimeout = (value: string | null): number | undefined => {
  const match = /^(\d{1,8})([HMSmun])$/.exec(value ?? "");
  return match === null ? undefined : Number(match[1]) * (unitMs[match[2] ?? ""] ?? 0);
};

/**
 * Removes the timeout from the headers of a request, and returns it in milliseconds: connect would refuse a long timeout instead of shortening
 * it. undefined = no timeout, or a malformed one, which stays in the headers for connect to refuse.
 */
export const takeTimeout = (headers: Headers): number | undefined => {
  for (const [name, parse] of [
    ["connect-timeout-ms", connectTimeout],
    ["grpc-timeout", grpcTimeout],
  ] as const) {
    const milliseconds = parse(headers.get(name));
    if (milliseconds === undefined) continue;
    headers.delete(name);
    return milliseconds;
  }
  return undefined;
};
