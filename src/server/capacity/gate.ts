import type { Http2Server, IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { ServeDirect } from "../direct-calls.ts";
import { discardRest } from "../discarding.ts";
import { grpcTimeoutMs } from "../http-timeout.ts";
import type { InterceptorContext } from "../interceptors/interceptor.ts";
import { Code } from "../interceptors/status.ts";
import type { Rpc } from "../rpc.ts";
import { costs, orderArrivals } from "./arrivals.ts";
import type { Floodable } from "./floods.ts";
import type { Refusal } from "./refusal.ts";
import { createStrangerRefusals } from "./strangers.ts";

/** A function that tells, by the headers of a call, why it is refused; undefined = it is not. It counts what it refuses. */
export type Gate = (
  rpc: Rpc,
  headers: { readonly authorization?: string | undefined; readonly "grpc-timeout"?: unknown },
) => Refusal | undefined;

type Guarding = Pick<InterceptorContext, "capacity" | "refusals">;
/** The context of the streams of a port: among them are those of strangers. */
type StreamGuarding = Guarding & Pick<InterceptorContext, "callers">;

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

const END_STREAM = { endStream: true };

const ignore = (): void => {};

const patience = Symbol("patience");
type Answered = ServerHttp2Stream & { [patience]?: NodeJS.Timeout };

const closeLate = (stream: ServerHttp2Stream): void => stream.close();

function endPatience(this: Answered): void {
  clearTimeout(this[patience]);
}

/** Answers the call of a stream, by headers and perhaps a body, and drops what still comes of its request. */
export const answerAtOnce = (stream: Answered, headers: OutgoingHttpHeaders, body?: Uint8Array): void => {
  // A stream that breaks is no fault of ours, and an error without a listener would end the process.
  stream.on("error", ignore);
  // Not the stream's own time-out, which begins anew with each byte.
  stream[patience] = setTimeout(closeLate, LINGER_MS, stream).unref();
  stream.once("close", endPatience);
  if (body === undefined) stream.respond(headers, END_STREAM);
  else {
    stream.respond(headers);
    stream.end(body);
  }
  // An unread request would have the answer lost.
  discardRest(stream);
};

/** The way in which a port guards the streams of its HTTP/2 server. */
type Guard = {
  readonly connections: Floodable;
  /** Returns the RPC that a stream calls; undefined = the gate does not look at this stream. */
  readonly rpcOf: (headers: IncomingHttpHeaders) => Rpc | undefined;
  /** Answers a stream with a refusal. */
  readonly refuse: (stream: ServerHttp2Stream, refusal: Refusal, headers: IncomingHttpHeaders) => void;
  /** Returns what a stream that passes costs its turn of the event loop. */
  readonly costOf: () => number;
  /** Takes a stream that passes, so that the listeners of the server do not get to know of it; false = it does not. */
  readonly serveDirect?: ServeDirect | undefined;
};

/**
 * Puts the gate before the listeners of an HTTP/2 server for streams: a call that is refused costs its headers, and neither grpc-js nor Node's API for
 * requests gets to know of it.
 */
export const guardStreams = (
  server: Http2Server,
  { callers, capacity, refusals }: StreamGuarding,
  { connections, rpcOf, refuse, costOf, serveDirect }: Guard,
): void => {
  const gate = createGate({ capacity, refusals }, { inTurns: true });
  const refusalOfStranger = createStrangerRefusals({ callers });
  const refusalOf = (rpc: Rpc, stream: ServerHttp2Stream, headers: IncomingHttpHeaders, isStrangers: boolean): Refusal | undefined => {
    const refusal = isStrangers ? refusalOfStranger(stream.session as ServerHttp2Session | undefined, headers) : undefined;
    if (refusal === undefined) return gate(rpc, headers);
    refusals.countOnHeaders(rpc, undefined, refusal.error.reason, Code[refusal.status.code]);
    return refusal;
  };
  orderArrivals(server, {
    connections,
    beginTurn: capacity.beginTurn,
    handle: (arrival, serve, isStrangers) => {
      const [stream, headers] = arrival;
      const rpc = rpcOf(headers);
      const refusal = rpc && refusalOf(rpc, stream, headers, isStrangers);
      if (refusal !== undefined) {
        refuse(stream, refusal, headers);
        return costs.refused;
      }
      if (rpc === undefined || serveDirect?.(rpc, stream, headers) !== true) serve(arrival);
      return costOf();
    },
  });
};
