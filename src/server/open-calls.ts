import type { ServerInterceptingCallInterface, ServerInterceptor } from "@grpc/grpc-js";
import { type CallHome, type GuardedRpc, OpenCall } from "./open-call.ts";

/** The type of interceptors as grpc-js uses them; its own type demands a class where it uses the interface. */
type Interceptor = (method: Parameters<ServerInterceptor>[0], call: ServerInterceptingCallInterface) => ServerInterceptingCallInterface;

/**
 * Makes the guard of the calls of a gRPC server, an interceptor of grpc-js: it admits them by their headers, counts what they send, and lists them,
 * so that those end whose clients neither send nor take, for which grpc-js waits without end. `rpcs` are the RPCs of userd by path; other
 * methods need no admission.
 */
export const createCallGuard = (rpcs: ReadonlyMap<string, GuardedRpc>, home: CallHome): ServerInterceptor => {
  const guard: Interceptor = (method, call) => {
    const open = new OpenCall(home, method, call, rpcs.get(method.path));
    home.patients.add(open);
    return open;
  };
  return guard as unknown as ServerInterceptor;
};
