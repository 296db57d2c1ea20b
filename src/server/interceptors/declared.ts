import { channel } from "node:diagnostics_channel";
import { type Call, type MaybePromise, whenReady } from "../../call.ts";
import { declaredReasons } from "../../contract/reasons.ts";
import type { AnyOperation, Rpc } from "../rpc.ts";
import { entryReasonsWalk } from "./entry-reasons.ts";
import type { InterceptorContext } from "./interceptor.ts";
import type { Invocation } from "./invocation.ts";

/** A reason with which a call, or an entry of a batch, was answered. The proto declares the reasons of each RPC (contract/reasons.ts). */
export type AnsweredReason = {
  readonly method: string;
  readonly reason: string;
  /** Tells whether an entry of a batch was answered with the reason, and not the call. */
  readonly isEntry: boolean;
  readonly isDeclared: boolean;
};

/** The diagnostics channel on which a server publishes each reason that it answers with; tests check that the proto declares the reason. */
export const answeredReasons = channel("userd.answered-reason");

/** The message that is logged when a call is answered with a reason that its RPC does not declare. */
export const undeclaredSentence = "answered with a reason that the RPC does not declare";

/** A function that checks a reason with which a call, or an entry of its answer, is answered. */
type Look = (call: Pick<Call, "log">, reason: string, isEntry: boolean) => void;

/** Makes the `Look` of an RPC. An undeclared reason is answered all the same; it is counted and logged as a fault of userd. */
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
 * Makes the function that checks whether an RPC declares the reason of a failed call; an undeclared reason is counted, and logged as a fault.
 */
export const endCheck = (rpc: Rpc, context: InterceptorContext): ((invocation: Invocation, reason: string) => void) => {
  const look = lookFor(rpc, context);
  return (invocation, reason) => look(invocation, reason, false);
};

/**
 * Wraps an RPC so that undeclared reasons of failed batch entries are counted and logged. An RPC whose answer can't hold failed entries is
 * returned unchanged.
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
