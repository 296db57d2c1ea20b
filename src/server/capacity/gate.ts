import type { Http2Server, ServerHttp2Stream } from "node:http2";
import type { Connections } from "../connections.ts";
import type { ServeDirect } from "../direct-calls.ts";
import { grpcTimeoutMs } from "../http-timeout.ts";
import type { InterceptorContext } from "../interceptors/interceptor.ts";
import { Code } from "../interceptors/status.ts";
import type { Rpc } from "../rpc.ts";
import { costs, orderArrivals } from "./arrivals.ts";
import type { Refusal } from "./refusal.ts";

/** A function that tells, by the headers of a call, why it is refused; undefined = it is not. It counts what it refuses. */
export type Gate = (
  rpc: Rpc,
  headers: { readonly authorization?: string | undefined; readonly "grpc-timeout"?: unknown },
) => Refusal | undefined;

type Guarding = Pick<InterceptorContext, "capacity" | "refusals">;

/**
 * Makes the gate of a port. It knows only callers that have called lately, and leaves others to the interceptors, which also check what the gate
 * has let in. With `inTurns`, what it lets in counts before it begins, until the next turn: many calls can be at the gate in one turn.
 */
export const createGate = ({ capacity, refusals }: Guarding, { inTurns }: { readonly inTurns: boolean }): Gate => {
  const look = inTurns ? capacity.lookAhead : capacity.look;
  return (rpc, headers) => {
    const caller = capacity.isWatchful() ? capacity.remembered(headers.authorization) : undefined;
    const leftMs = caller === undefined ? 0 : (grpcTimeoutMs(headers["grpc-timeout"]) ?? Infinity);
    const refusal = caller && look(rpc, caller, leftMs);
    if (refusal !== undefined) refusals.countOnHeaders(rpc, caller, refusal.error.reason, Code[refusal.status.code]);
    else if (inTurns && !rpc.waits) capacity.expect(caller);
    return refusal;
  };
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
 * of it, nor of one that `serveDirect` takes.
 */
export const guardStreams = (
  server: Http2Server,
  rpcs: readonly Rpc[],
  { capacity, refusals }: Guarding,
  isVouched: Connections["isVouched"],
  serveDirect: ServeDirect = () => false,
): void => {
  const gate = createGate({ capacity, refusals }, { inTurns: true });
  const byPath = new Map(rpcs.map((rpc) => [`/${rpc.name}`, rpc]));
  orderArrivals(server, {
    isVouched,
    beginTurn: capacity.beginTurn,
    handle: (arrival, serve) => {
      const [stream, headers] = arrival;
      const rpc = byPath.get(headers[":path"] ?? "");
      const refusal = rpc && gate(rpc, headers);
      if (refusal !== undefined) {
        refuse(stream, refusal.headers);
        return costs.refused;
      }
      if (rpc === undefined || !serveDirect(rpc, stream, headers)) serve(arrival);
      return capacity.isBusy() ? costs.begun : costs.quick;
    },
  });
};
