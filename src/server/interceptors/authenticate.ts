import { invalidField } from "../../errors.ts";
import type { Interceptor } from "./interceptor.ts";

const maxId = 2n ** 63n - 1n;

const parseUserId = (header: string | undefined): bigint | undefined => {
  if (header === undefined) return undefined;
  const id = /^\d{1,19}$/.test(header) ? BigInt(header) : 0n;
  if (id <= 0n || id > maxId) throw invalidField("x-acting-user-id", "must be the id of a user: a whole number above 0");
  return id;
};

/** Finds the caller by what it shows, and the acting user by the header `x-acting-user-id`. Refuses a call whose caller is not known. */
export const authenticate: Interceptor =
  (_, { callers }) =>
  (next) =>
  (invocation, received) => {
    // Admission has found the caller already.
    if (invocation.caller !== undefined) return next(invocation, received);
    invocation.caller = callers.find(invocation);
    invocation.actingUserId = parseUserId(invocation.header("x-acting-user-id"));
    return next(invocation, received);
  };
