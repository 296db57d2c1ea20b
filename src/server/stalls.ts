import { ServerInterceptingCall, type ServerInterceptingCallInterface, type ServerInterceptor } from "@grpc/grpc-js";
import { DomainError } from "../errors.ts";
import { statusOf } from "./chain/status.ts";
import { toGrpcStatus } from "./grpc-adapter.ts";

const sweepMs = 1_000;

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
    interceptor: (method, call) => {
      // A request stream is never complete until its end.
      if (method.requestStream) return new ServerInterceptingCall(call);
      incomplete.set(call, performance.now());
      return new ServerInterceptingCall(call, {
        start: (next) =>
          next({
            onReceiveHalfClose: (nextHalfClose) => {
              incomplete.delete(call);
              nextHalfClose();
            },
          }),
      });
    },
  };
};
