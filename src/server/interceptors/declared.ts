import { channel } from "node:diagnostics_channel";
import { type Call, type MaybePromise, whenReady } from "../../call.ts";
import { declaredReasons } from "../../contract/reasons.ts";
import type { AnyOperation, Rpc } from "../rpc.ts";
import { entryReasonsWalk } from "./entry-reasons.ts";
import type { InterceptorContext } from "./interceptor.ts";
import type { Invocation } from "./invocation.ts";

/** One reason that a call was answered with. */
export type AnsweredReason = {
  readonly method: string;
  readonly reason: string;
  /** True if an entry of a batch was answered with the reason, and not the call. */
  readonly isEntry: boolean;
  /** True if the RPC declares the reason. */
  readonly isDeclared: boolean;
};

/**
 * The channel on which every server of this process publishes the reasons that it answers with. Tests compare them with the
 * declared ones.
 */
export const answeredReasons = channel("userd.answered-reason");

/** The message of the log line for an undeclared reason. */
export const undeclaredSentence = "answered with a reason that the RPC does not declare";

/** Looks at a reason with which a call, or an entry of its answer, is answered. */
type Look = (call: Pick<Call, "log">, reason: string, isEntry: boolean) => void;

/** Makes the look of an RPC. An undeclared reason is answered all the same; it is counted and logged as a fault of userd. */
const lookFor = ({ method, name }: Rpc, { metrics }: InterceptorContext): Look => {
  const declared = declaredReasons(method);
  const ofCall: ReadonlySet<string> = declared.call;
  const ofEntry: ReadonlySet<string> = new Set(declared.entry);
  return (call, reason, isEntry) => {
    const isDeclared = (isEntry ? ofEntry : ofCall).has(reason);
    if (answeredReasons.hasSubscribers) {
      answeredReasons.publish({ method: name, reason, isEntry, isDeclared } satisfies AnsweredReason);
    }
    if (isDeclared) return;
    metrics.undeclared(name, reason);
    call.log.error({ reason, entry: isEntry }, undeclaredSentence);
  };
};

/**
 * Makes the check whether an RPC declares the reason with which a call has failed. A reason that it does not declare is counted
 * and logged as a fault.
 */
export const endCheck = (rpc: Rpc, context: InterceptorContext): ((invocation: Invocation, reason: string) => void) => {
  const look = lookFor(rpc, context);
  return (invocation, reason) => look(invocation, reason, false);
};

/**
 * Adds a check of the reasons of failed entries to an RPC whose answers have entries that can fail. Other RPCs are returned as
 * they are.
 */
export const withEntriesChecked = <R extends Rpc>(rpc: R, context: InterceptorContext): R => {
  const walk = entryReasonsWalk(rpc.method.output);
  if (walk === undefined) return rpc;
  if (rpc.kind === "server_streaming") throw new Error(`${rpc.name} streams statuses, which nothing holds to what it declares`);
  const look = lookFor(rpc, context);
  const operation: AnyOperation = (call, request) =>
    whenReady(rpc.operation(call, request) as MaybePromise<object>, (response) => {
      walk(response, (reason) => look(call, reason, true));
      return response;
    });
  return { ...rpc, operation };
};
