import type { ServerInterceptingCallInterface, ServerInterceptor } from "@grpc/grpc-js";
import type { Bodies } from "./bodies.ts";
import { type CallHome, type GuardedRpc, OpenCall } from "./open-call.ts";
import type { Connection } from "./peers.ts";

/** The time between two looks at the open calls, in milliseconds. */
const sweepMs = 1_000;

/** The type of interceptors as grpc-js uses them; its own type demands a class where it uses the interface. */
type Interceptor = (method: Parameters<ServerInterceptor>[0], call: ServerInterceptingCallInterface) => ServerInterceptingCallInterface;

/** The guard of all calls on the gRPC port: an interceptor for the server, and the function that stops its timer. */
export type CallGuard = {
  readonly interceptor: ServerInterceptor;
  /** Calls `listener` with the connection of each call that is admitted. */
  readonly onAdmitted: (listener: (connection: Connection) => void) => void;
  readonly stop: () => void;
};

/** The open calls, the oldest first. A Map would keep ended calls in memory (`keepStreamsInSlots` says why). */
class OpenCalls implements CallHome {
  readonly bodies: Bodies;
  admitted: (connection: Connection) => void = () => {};
  #oldest: OpenCall | undefined = undefined;
  #newest: OpenCall | undefined = undefined;

  constructor(bodies: Bodies) {
    this.bodies = bodies;
  }

  add(call: OpenCall): OpenCall {
    call.before = this.#newest;
    if (this.#newest === undefined) this.#oldest = call;
    else this.#newest.after = call;
    this.#newest = call;
    return call;
  }

  /** Removes a call that is in the list, and drops its references to the others. */
  remove(call: OpenCall): void {
    const { before, after } = call;
    if (before === undefined) this.#oldest = after;
    else before.after = after;
    if (after === undefined) this.#newest = before;
    else after.before = before;
    call.before = undefined;
    call.after = undefined;
  }

  sweep(): void {
    const now = performance.now();
    for (let call = this.#oldest; call !== undefined; ) {
      const { after } = call;
      call.lookAt(now);
      call = after;
    }
  }
}

/**
 * Makes the guard of the calls of a gRPC server: it admits them by their headers, counts what they send, and ends those whose clients neither
 * send nor take, for which grpc-js waits without end. `rpcs` are the RPCs of userd by path; other methods need no admission.
 */
export const createCallGuard = (rpcs: ReadonlyMap<string, GuardedRpc>, bodies: Bodies): CallGuard => {
  const calls = new OpenCalls(bodies);
  const timer = setInterval(() => calls.sweep(), sweepMs).unref();
  const interceptor: Interceptor = (method, call) => calls.add(new OpenCall(calls, method, call, rpcs.get(method.path)));
  return {
    interceptor: interceptor as unknown as ServerInterceptor,
    onAdmitted: (listener) => {
      calls.admitted = listener;
    },
    stop: () => clearInterval(timer),
  };
};
