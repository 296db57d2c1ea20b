import { type Interceptor, settle } from "./interceptor.ts";
import type { Invocation } from "./invocation.ts";

/**
 * Refuses a call on its headers that `shed` would refuse, before a byte of its message is kept. It takes no place: the message may never come.
 */
export const room: Interceptor = (rpc, { capacity }) => {
  return (next) => (invocation, received) => {
    const { caller } = invocation;
    const refusal = caller && capacity.isWatchful() ? capacity.look(rpc, caller, invocation.deadline - Date.now()) : undefined;
    if (caller === undefined || refusal === undefined) return next(invocation, received);
    capacity.remember(invocation.header("authorization"), caller);
    throw refusal.status;
  };
};

/**
 * Refuses a new call at once while the server is full or its caller beyond its limits, so that the calls in progress stay fast. Most refusals
 * were given on headers, by the ports. Health checks and reflection pass no interceptors.
 */
export const shed: Interceptor = (rpc, { capacity }) => {
  const leave = ({ account }: Invocation): void => {
    if (account !== undefined) capacity.leave(rpc, account);
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
    const entered = capacity.enter(rpc, caller, invocation.deadline - Date.now());
    if (capacity.isWatchful()) capacity.remember(invocation.header("authorization"), caller);
    if ("error" in entered) throw entered.status;
    invocation.account = entered;
    invocation.fields = capacity.fields(rpc, entered);
    return settle(next, invocation, received, done, failed);
  };
};
