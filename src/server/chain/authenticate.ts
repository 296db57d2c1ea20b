import type { Logger } from "pino";
import type { Call, Caller } from "../../call.ts";
import { DomainError, invalidField } from "../../errors.ts";
import type { Invocation } from "./invocation.ts";
import type { Link } from "./link.ts";

const maxId = 2n ** 63n - 1n;

const parseUserId = (header: string | undefined): bigint | undefined => {
  if (header === undefined) return undefined;
  const id = /^\d{1,19}$/.test(header) ? BigInt(header) : 0n;
  if (id <= 0n || id > maxId) throw invalidField("x-acting-user-id", "must be the id of a user: a whole number above 0");
  return id;
};

type LazyCall = Call & { readonly invocation: Invocation };

/** Shared by all calls: a literal with getters of its own costs 0.6 µs, an object that inherits them next to nothing. */
const lazyParts = {
  get signal(): AbortSignal {
    return (this as unknown as LazyCall).invocation.signal();
  },
  get requestId(): string {
    return (this as unknown as LazyCall).invocation.requestId();
  },
  get log(): Logger {
    return (this as unknown as LazyCall).invocation.log();
  },
};

const createCall = (invocation: Invocation, caller: Caller, actingUserId: bigint | undefined): Call => {
  const call: { -readonly [K in keyof LazyCall]: LazyCall[K] } = Object.create(lazyParts);
  call.invocation = invocation;
  call.method = invocation.rpc.name;
  call.caller = caller;
  call.actingUserId = actingUserId;
  call.deadline = invocation.deadline;
  return call;
};

/** Finds out who calls, and makes the operation's `Call` of it. */
export const authenticate: Link =
  (_, { callers }) =>
  (next) =>
  (invocation, received) => {
    const caller = callers.find(invocation.header("authorization"));
    if (caller === undefined) {
      throw new DomainError(
        "Unauthenticated",
        "CREDENTIALS_REQUIRED",
        "The call needs a known token in the header: authorization: Bearer TOKEN.",
      );
    }
    invocation.call = createCall(invocation, caller, parseUserId(invocation.header("x-acting-user-id")));
    return next(invocation, received);
  };
