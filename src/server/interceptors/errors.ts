import { DomainError } from "../../errors.ts";
import { endCheck } from "./declared.ts";
import { type Interceptor, type InterceptorContext, settle } from "./interceptor.ts";
import type { Invocation } from "./invocation.ts";
import { faultStatus, StatusError, statusOf } from "./status.ts";

const pass = (_: Invocation, response: unknown): unknown => response;

const failWith = (check: ReturnType<typeof endCheck>, { explain, rephrase = (status) => status }: InterceptorContext) => {
  const toStatus = (invocation: Invocation, reason: unknown): StatusError => {
    const known = reason instanceof DomainError ? reason : explain(reason);
    return known === undefined ? faultStatus(invocation.requestId, reason) : statusOf(known);
  };
  return (invocation: Invocation, error: unknown): never => {
    // A call that was ended reports why, whatever its operation made of the abort.
    const reason = invocation.ended ?? error;
    const status = reason instanceof StatusError ? reason : toStatus(invocation, reason);
    check(invocation, status.reason);
    throw rephrase(status);
  };
};

/**
 * Turns every error into a status. An error that is no DomainError, and that `explain` can't translate to a DomainError, becomes INTERNAL, and
 * its message is not sent.
 */
export const errors: Interceptor = (rpc, context) => {
  const fail = failWith(endCheck(rpc, context), context);
  return (next) => (invocation, received) => settle(next, invocation, received, pass, fail);
};
