import type { Message } from "@bufbuild/protobuf";
import { type Call, whenReady } from "../../call.ts";
import { isRead } from "../../contract/reads.ts";
import { DomainError } from "../../errors.ts";
import type { Interceptor } from "./interceptor.ts";

/**
 * Holds reads to the RPC's rules for acting users. Writes are held to them in their transaction (db/transaction.ts), and calls without acting
 * user go by without a look.
 */
export const permit: Interceptor = ({ method }, { permit: check }) => {
  if (check === undefined || !isRead(method)) return (next) => next;
  return (next) => (invocation, request) => {
    if (invocation.actingUserId === undefined) return next(invocation, request);
    return whenReady(check(invocation as Call, method, request as Message), () => next(invocation, request));
  };
};

/** Makes the error for a caller that is bound to its acting user, and has named none. */
export const actingUserRequired = (): DomainError =>
  new DomainError("Forbidden", "ACTING_USER_REQUIRED", "The caller acts for users only: the call needs the header x-acting-user-id.");
