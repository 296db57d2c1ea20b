import type { Http2Session, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { DirectCall, type DirectRpc } from "./direct-call.ts";
import type { GrpcMethod } from "./grpc-adapter.ts";
import { grpcTimeoutMs } from "./http-timeout.ts";
import type { CallHome } from "./open-call.ts";
import type { Rpc } from "./rpc.ts";

/** The content types that say nothing special. */
const types: readonly unknown[] = ["application/grpc", "application/grpc+proto"];

/** Tells whether a call is as clients send them; anything else is left to grpc-js. */
const isPlain = (headers: IncomingHttpHeaders): boolean =>
  headers[":method"] === "POST" &&
  types.includes(headers["content-type"]) &&
  (headers["grpc-encoding"] === undefined || headers["grpc-encoding"] === "identity");

/** Serves a call if it is a plain unary one. Returns false, and does nothing, for any other. */
export type ServeDirect = (rpc: Rpc, stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => boolean;

/**
 * Makes the function that serves plain unary calls on Node's HTTP/2, without grpc-js, behind the interceptors. `active` is told a connection on
 * which calls have begun, once a turn of the event loop.
 */
export const createDirectCalls = (methods: readonly GrpcMethod[], home: CallHome, active: (session: Http2Session) => void): ServeDirect => {
  const direct = new Map<Rpc, DirectRpc>();
  for (const { guarded, handler } of methods) if (guarded.rpc.kind === "unary") direct.set(guarded.rpc, { ...guarded, handler });

  /** The calls that are looked at in the next turn of the event loop. */
  let begun: DirectCall | undefined;
  const add = (call: DirectCall): void => {
    if (begun === undefined) setImmediate(look);
    call.next = begun;
    begun = call;
  };
  const look = (): void => {
    let call = begun;
    begun = undefined;
    let last: Http2Session | undefined;
    while (call !== undefined) {
      const { next, session } = call;
      call.next = undefined;
      if (session !== undefined && session !== last) active(session);
      last = session;
      if (call.look()) add(call);
      call = next;
    }
  };

  return (rpc, stream, headers) => {
    const served = direct.get(rpc);
    if (served === undefined || !isPlain(headers)) return false;
    const timeout = headers["grpc-timeout"];
    const timeoutMs = timeout === undefined ? Number.POSITIVE_INFINITY : grpcTimeoutMs(timeout);
    if (timeoutMs === undefined) return false;
    const call = new DirectCall(home, served, stream, headers, timeoutMs);
    add(call);
    call.begin();
    return true;
  };
};
