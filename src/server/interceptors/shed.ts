import { type Interceptor, settle } from "./interceptor.ts";
import type { Invocation } from "./invocation.ts";

/**
 * Refuses a new call at once while the server is full or its caller beyond its limits, so that the calls in progress stay fast. Most refusals
 * were given on headers, by the ports. Health checks and reflection pass no interceptors.
 */
export const shed: Interceptor = (rpc, { admission }) => {
  const leave = ({ account }: Invocation): void => {
    if (account !== undefined) admission.leave(rpc, account);
  };
  const done = (invocation: Invocation, response: unknown): unknown => {
    leave(invocation);
    return response;
  };
  const failed = (invocation: Invocation, error: unknown): never => {
    leave(invocation);
    throw error;
  };
  return (next) => (invocation, received) => {
    const { caller } = invocation;
    if (caller === undefined) throw new Error("The authenticate interceptor finds the caller.");
    const entered = admission.enter(rpc, caller, invocation.deadline - Date.now());
    if (admission.isWatchful()) admission.remember(invocation.header("authorization"), caller);
    if ("error" in entered) throw entered.status;
    invocation.account = entered;
    invocation.fields = admission.fields(rpc, entered);
    return settle(next, invocation, received, done, failed);
  };
};
