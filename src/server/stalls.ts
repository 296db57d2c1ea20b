import type { ServerInterceptingCallInterface, ServerInterceptor } from "@grpc/grpc-js";
import { DomainError } from "../errors.ts";
import { toGrpcStatus } from "./grpc-status.ts";
import { statusOf } from "./interceptors/status.ts";

const sweepMs = 1_000;

/** The type of interceptors as grpc-js uses them; its own type demands a class where it uses the interface. */
type Interceptor = (method: Parameters<ServerInterceptor>[0], call: ServerInterceptingCallInterface) => ServerInterceptingCallInterface;

/** The guard that ends calls whose request does not arrive: an interceptor for the server, and the function that stops its timer. */
export type StallGuard = { readonly interceptor: ServerInterceptor; readonly stop: () => void };

/** A request that is not complete, between the one before it and the one after; the two ends of the list meet in `ends`. */
type Incomplete = { readonly call: ServerInterceptingCallInterface; readonly since: number; before: Link; after: Link };
type Link = Incomplete | Ends;
type Ends = { readonly call?: undefined; before: Link; after: Link };

/** The list of incomplete requests, the oldest first. A Map would keep ended calls in memory (`keepStreamsInSlots` says why). */
const createList = () => {
  const ends = {} as Ends;
  ends.before = ends;
  ends.after = ends;
  return {
    oldest: (): Link => ends.after,
    append: (call: ServerInterceptingCallInterface): Incomplete => {
      const added: Incomplete = { call, since: performance.now(), before: ends.before, after: ends };
      ends.before.after = added;
      ends.before = added;
      return added;
    },
    /** Removes a request from the list, and drops its references to the others; a second time does nothing. */
    remove: (one: Incomplete): void => {
      one.before.after = one.after;
      one.after.before = one.before;
      one.before = one;
      one.after = one;
    },
  };
};

/**
 * Makes the guard that ends calls whose request does not arrive within `patienceMs`. grpc-js waits for the rest of a request without end,
 * so a client that sends half a message would hold its stream for as long as the connection lasts.
 */
export const createStallGuard = (patienceMs: number): StallGuard => {
  const incomplete = createList();

  const sweep = () => {
    const latest = performance.now() - patienceMs;
    for (let one = incomplete.oldest(); one.call !== undefined && one.since <= latest; one = incomplete.oldest()) {
      incomplete.remove(one);
      const late = new DomainError("DeadlineExceeded", "DEADLINE_PASSED", "The request did not arrive in time.");
      one.call.sendStatus(toGrpcStatus(statusOf(late)));
    }
  };
  const timer = setInterval(sweep, sweepMs).unref();

  return {
    stop: () => clearInterval(timer),
    interceptor: ((method, call) => {
      // A request stream is never complete until its end.
      if (method.requestStream) return call;
      const added = incomplete.append(call);
      // Not a ServerInterceptingCall: its layers cost every call a fifth of what a bare server takes for it.
      const { start } = call;
      call.start = (listener) => {
        const { onReceiveHalfClose } = listener;
        listener.onReceiveHalfClose = () => {
          incomplete.remove(added);
          onReceiveHalfClose.call(listener);
        };
        start.call(call, listener);
      };
      return call;
    }) satisfies Interceptor as unknown as ServerInterceptor,
  };
};
