import type { Message } from "@bufbuild/protobuf";
import { whenReady } from "../../call.ts";
import { isRead } from "../../contract/reads.ts";
import { DomainError } from "../../errors.ts";
import type { AnyOperation, Rpc } from "../rpc.ts";
import type { InterceptorContext } from "./interceptor.ts";

/** Answers with a stream once the call is permitted. */
async function* once(permitted: Promise<void>, answer: () => AsyncIterable<object>): AsyncGenerator<object> {
  await permitted;
  yield* answer();
}

/**
 * Wraps a read so that it is held to its rules for acting users. It is part of the operation, so that the deadline and the cancellation of the
 * call end it too. Writes are held to their rules in their transaction (db/transaction.ts). A call without acting user costs a comparison.
 */
export const withPermit = <R extends Rpc>(rpc: R, { permit }: InterceptorContext): R => {
  const { method, kind, operation: inner } = rpc;
  if (permit === undefined || !isRead(method)) return rpc;
  const operation: AnyOperation = (call, request) => {
    if (call.actingUserId === undefined) return inner(call, request);
    if (kind === "server_streaming") {
      const permitted = Promise.resolve(permit(call, method, request as Message));
      return once(permitted, () => inner(call, request) as AsyncIterable<object>);
    }
    return whenReady(permit(call, method, request as Message), () => inner(call, request) as object);
  };
  return { ...rpc, operation };
};

/** Makes the error for a caller that is bound to its acting user, and has named none. */
export const actingUserRequired = (): DomainError =>
  new DomainError("Forbidden", "ACTING_USER_REQUIRED", "The caller acts for users only: the call needs the header x-acting-user-id.");
