/** The body of one request, framed as gRPC sends it. */
export type Body = {
  readonly bytes: Uint8Array;
  /** Where each call writes a number that it alone has. */
  readonly stamp?: Stamp | undefined;
};

/** A place in a body: the eight bytes of a little-endian double, or sixteen decimal digits of a text. */
export type Stamp = { readonly at: readonly number[]; readonly as: "double" | "digits" };

/** What is called. */
export type Target = {
  /** `host:port`. */
  readonly address: string;
  /** For example `/userd.v1.UserOptionService/GetOption`. */
  readonly path: string;
  /** Sent in turn. */
  readonly bodies: readonly Body[];
  readonly connections: number;
  /** Calls in flight on each connection. */
  readonly streams: number;
  /** The certificates in PEM that the server is trusted by, over TLS; undefined = without TLS. Only our own client speaks it. */
  readonly ca?: string;
  /** The `grpc-status` that each call has to end with; default "0", OK. h2load does not look. */
  readonly status?: string;
  /** Sent with each call, besides those of gRPC. Only h2load sends them. */
  readonly headers?: Readonly<Record<string, string>>;
};

/** What came of it. */
export type LoadResult = {
  /** Calls that were answered in the time that counts. */
  readonly calls: number;
  readonly callsPerSecond: number;
  /** Milliseconds; undefined when the generator was not asked. */
  readonly latency?: Latency | undefined;
  /** The share of a core that the measured process used. Well below 1, something else is the bottleneck. */
  readonly busy?: number | undefined;
};

/** Milliseconds from the request to the end of the answer, with all calls in flight: a sign of queues, not of speed. */
export type Latency = { readonly p50: number; readonly p99: number };

/** How long and how. */
export type LoadOptions = {
  readonly seconds: number;
  /** Measure latencies: this costs the client a little, so the rounds that count go without where it matters. */
  readonly latency: boolean;
  /**
   * Calls that begin in each second, whatever becomes of the others; a call waits only where all streams of its connection are open. Default: each call
   * begins when one has ended. Only h2load offers a rate.
   */
  readonly perSecond?: number;
};

/** Makes load. */
export type LoadGenerator = {
  readonly name: string;
  /** @throws Error when a call fails in a way that the generator can see. */
  readonly run: (target: Target, options: LoadOptions) => Promise<LoadResult>;
};

/** Load that is not counted, in milliseconds, before each round. */
export const warmUpMs = 500;

/** The value below which a share of all values lies. */
export const quantile = (values: readonly number[], share: number): number => {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
};

/** A message as gRPC sends it: not compressed, with its length. */
export const frame = (message: Uint8Array): Uint8Array => {
  const framed = Buffer.alloc(5 + message.byteLength);
  framed.writeUInt32BE(message.byteLength, 1);
  framed.set(message, 5);
  return framed;
};
