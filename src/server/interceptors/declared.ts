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

/** The channel of every reason that any server of this process answers with: tests hold each to what is declared. */
export const answeredReasons = channel("userd.answered-reason");

/** The line of the log for an undeclared reason. */
export const undeclaredSentence = "answered with a reason that the RPC does not declare";

/** Looks at a reason that a call, or an entry of its answer, is answered with. */
type Look = (call: Pick<Call, "log">, reason: string, isEntry: boolean) => void;

/** An undeclared reason is answered all the same; it is a fault of ours, counted and logged. */
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

/** Prepares what holds the reason that a call of an RPC ends with to those that the RPC declares. */
export const endCheck = (rpc: Rpc, context: InterceptorContext): ((invocation: Invocation, reason: string) => void) => {
  const look = lookFor(rpc, context);
  return (invocation, reason) => look(invocation, reason, false);
};

/** Puts the same check behind the operation of an RPC whose answers have entries that can fail; others stay as they are. */
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
