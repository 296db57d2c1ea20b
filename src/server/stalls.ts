import type { ServerInterceptingCallInterface, ServerInterceptor } from "@grpc/grpc-js";
import { DomainError } from "../errors.ts";
import { statusOf } from "./chain/status.ts";
import { toGrpcStatus } from "./grpc-adapter.ts";

const sweepMs = 1_000;

/** What grpc-js asks of an interceptor; its own type demands a class where it uses the interface. */
type Interceptor = (method: Parameters<ServerInterceptor>[0], call: ServerInterceptingCallInterface) => ServerInterceptingCallInterface;

/** Ends calls whose request does not arrive. */
export type StallGuard = { readonly interceptor: ServerInterceptor; readonly stop: () => void };

/**
 * Gives the request of a call `patienceMs` to arrive: grpc-js calls a handler only when the request is complete, so a
 * client that sends no deadline and half a message would hold its stream for as long as the connection lasts.
 */
export const createStallGuard = (patienceMs: number): StallGuard => {
  /** When each incomplete request began; the oldest first, since a Map keeps the order. */
  const incomplete = new Map<ServerInterceptingCallInterface, number>();

  const sweep = () => {
    const oldest = performance.now() - patienceMs;
    for (const [call, since] of incomplete) {
      if (since > oldest) return;
      incomplete.delete(call);
      const late = new DomainError("DeadlineExceeded", "DEADLINE_PASSED", "The request did not arrive in time.");
      call.sendStatus(toGrpcStatus(statusOf(late)));
    }
  };
  const timer = setInterval(sweep, sweepMs).unref();

  return {
    stop: () => clearInterval(timer),
    interceptor: ((method, call) => {
      // A request stream is never complete until its end.
      if (method.requestStream) return call;
      incomplete.set(call, performance.now());
      // Not a ServerInterceptingCall: its layers cost every call a fifth of what a bare server takes for it.
      const { start } = call;
      call.start = (listener) => {
        const { onReceiveHalfClose } = listener;
        listener.onReceiveHalfClose = () => {
          incomplete.delete(call);
          onReceiveHalfClose.call(listener);
        };
        start.call(call, listener);
      };
      return call;
    }) satisfies Interceptor as unknown as ServerInterceptor,
  };
};
