import type { HandlerContext } from "@connectrpc/connect";
import { Metadata, type ServerInterceptingCallInterface, type ServerUnaryCall } from "@grpc/grpc-js";
import type { Invocation } from "../../src/server/interceptors/invocation.ts";

/** A header, as the suite writes it. */
export type Pair = { readonly name: string; readonly value: string[] };

/** What the suite sees and sets of a call, and no operation of the service does. */
export type Wire = {
  readonly requestHeaders: Pair[];
  /** How long the client waits, in milliseconds; undefined when it did not say. */
  readonly timeoutMs: bigint | undefined;
  /** The query of a read by GET. */
  readonly query: Pair[] | undefined;
  readonly sendHeaders: (headers: readonly Pair[]) => void;
  /** What the end of the call carries besides its status, whatever that is. */
  readonly setTrailers: (trailers: readonly Pair[]) => void;
};

/** A deadline further away than this is that of the server, not one that the client sent. */
export const NOBODYS_TIMEOUT_MS = 20 * 3_600_000;

const remaining = (deadline: number): bigint | undefined => {
  const milliseconds = deadline - Date.now();
  return milliseconds > NOBODYS_TIMEOUT_MS ? undefined : BigInt(Math.trunc(milliseconds));
};

const metadataOf = (pairs: readonly Pair[]): Metadata => {
  const metadata = new Metadata();
  for (const { name, value } of pairs) {
    for (const one of value) metadata.add(name, name.toLowerCase().endsWith("-bin") ? Buffer.from(one, "base64") : one);
  }
  return metadata;
};

/** A call of grpc-js with the part of it that its types keep private, or userd's, which is that part itself. */
type GrpcCall = ServerUnaryCall<unknown, unknown> & ServerInterceptingCallInterface & { readonly call?: ServerInterceptingCallInterface };

/** The wire of a call on the gRPC port, or of a bare grpc-js server. */
export const grpcWire = (source: unknown): Wire => {
  const call = source as GrpcCall;
  const deadline = call.getDeadline();
  return {
    requestHeaders: Object.entries(call.metadata.toJSON()).map(([name, values]) => ({
      name,
      value: values.map((value) => (typeof value === "string" ? value : value.toString("base64"))),
    })),
    timeoutMs: remaining(typeof deadline === "number" ? deadline : deadline.getTime()),
    query: undefined,
    sendHeaders: (headers) => call.sendMetadata(metadataOf(headers)),
    setTrailers: (trailers) => {
      const inner = call.call ?? call;
      const { sendStatus } = inner;
      inner.sendStatus = (status) => {
        const metadata = metadataOf(trailers);
        if (status.metadata) metadata.merge(status.metadata);
        sendStatus.call(inner, { ...status, metadata });
      };
    },
  };
};

const append = (target: Headers, pairs: readonly Pair[]): void => {
  for (const { name, value } of pairs) for (const one of value) target.append(name, one);
};

/** The wire of a call of connect. */
const connectWire = ({ requestHeader, requestMethod, url, responseHeader, responseTrailer }: HandlerContext, deadline: number): Wire => ({
  requestHeaders: [...requestHeader].map(([name, value]) => ({ name, value: value.split(", ") })),
  timeoutMs: remaining(deadline),
  query: requestMethod === "GET" ? [...new URL(url).searchParams].map(([name, value]) => ({ name, value: [value] })) : undefined,
  sendHeaders: (headers) => append(responseHeader, headers),
  setTrailers: (trailers) => append(responseTrailer, trailers),
});

/** The wire of a call of userd, on either port. */
export const wireOf = ({ source, deadline }: Invocation): Wire =>
  "responseTrailer" in (source as object) ? connectWire(source as HandlerContext, deadline) : grpcWire(source);
