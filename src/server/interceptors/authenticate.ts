import { invalidField } from "../../errors.ts";
import type { Found } from "../callers/found.ts";
import type { Interceptor } from "./interceptor.ts";
import type { Invocation } from "./invocation.ts";

const maxId = 2n ** 63n - 1n;

const parseUserId = (header: string | undefined): bigint | undefined => {
  if (header === undefined) return undefined;
  const id = /^\d{1,19}$/.test(header) ? BigInt(header) : 0n;
  if (id <= 0n || id > maxId) throw invalidField("x-acting-user-id", "must be the id of a user: a whole number above 0");
  return id;
};

/** Sets the caller and the acting user of a call, and returns the call. */
const identify = (invocation: Invocation, { caller, binding }: Found): Invocation => {
  const named = parseUserId(invocation.header("x-acting-user-id"));
  const bound = binding?.actingUser;
  if (bound !== undefined && named !== undefined && named !== bound.id) {
    throw invalidField("x-acting-user-id", "is not the user of the token");
  }
  invocation.caller = caller;
  invocation.actingUserId = bound === undefined ? named : bound.id;
  return invocation;
};

/** Finds the caller by what it shows, and the acting user by the header `x-acting-user-id`. Refuses a call whose caller is not known. */
export const authenticate: Interceptor =
  (_, { callers }) =>
  (next) =>
  (invocation, received) => {
    // Admission has found the caller already.
    if (invocation.caller !== undefined) return next(invocation, received);
    const found = callers.find(invocation);
    // Only a signed token that was not seen before makes a call wait.
    if (found instanceof Promise) return invocation.bound(found).then((one) => next(identify(invocation, one), received));
    return next(identify(invocation, found), received);
  };
