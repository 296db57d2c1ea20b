import type { Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { grpcTimeoutMs } from "../http-timeout.ts";
import type { InterceptorContext } from "../interceptors/interceptor.ts";
import { Code } from "../interceptors/status.ts";
import type { Rpc } from "../rpc.ts";
import type { Refusal } from "./refusal.ts";

/** A function that tells, by the headers of a call, why it is refused; undefined = it is not. It counts what it refuses. */
export type Gate = (
  rpc: Rpc,
  headers: { readonly authorization?: string | undefined; readonly "grpc-timeout"?: unknown },
) => Refusal | undefined;

/**
 * Makes the gate of a port. It knows only callers that have called lately, and leaves others to the interceptors, which also check what the gate
 * has let in.
 */
export const createGate =
  ({ capacity, refusals }: Pick<InterceptorContext, "capacity" | "refusals">): Gate =>
  (rpc, headers) => {
    if (!capacity.isWatchful()) return undefined;
    const caller = capacity.remembered(headers.authorization);
    if (caller === undefined) return undefined;
    const refusal = capacity.look(rpc, caller, grpcTimeoutMs(headers["grpc-timeout"]) ?? Infinity);
    if (refusal !== undefined) refusals.countOnHeaders(rpc, caller, refusal.error.reason, Code[refusal.status.code]);
    return refusal;
  };

/** The time that a client has to end the request of a call that was refused, in milliseconds. */
const LINGER_MS = 5_000;

const ignore = (): void => {};

function endLate(this: ServerHttp2Stream): void {
  this.close();
}

/** Answers a call by headers alone, and drops what still comes of its request. */
const refuse = (stream: ServerHttp2Stream, headers: Refusal["headers"]): void => {
  // A stream that breaks is no fault of ours, and an error without a listener would end the process.
  stream.on("error", ignore);
  stream.setTimeout(LINGER_MS, endLate);
  stream.respond(headers, { endStream: true });
  // An unread request would have the answer lost.
  stream.resume();
};

/**
 * Puts the gate before the handlers of an HTTP/2 server for gRPC: a call that is refused costs its headers, and grpc-js does not get to know
 * of it.
 */
export const guardStreams = (server: Http2Server, rpcs: readonly Rpc[], gate: Gate): void => {
  const byPath = new Map(rpcs.map((rpc) => [`/${rpc.name}`, rpc]));
  const [serve, ...others] = server.listeners("stream") as ((
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    flags: number,
  ) => void)[];
  if (serve === undefined || others.length > 0) throw new Error("grpc-js has one listener for streams.");
  server.removeAllListeners("stream");
  server.on("stream", (stream, headers, flags) => {
    const rpc = byPath.get(headers[":path"] ?? "");
    const refusal = rpc && gate(rpc, headers);
    if (refusal === undefined) serve.call(server, stream, headers, flags);
    else refuse(stream, refusal.headers);
  });
};
