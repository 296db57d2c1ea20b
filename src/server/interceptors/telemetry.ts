import type { Reason } from "../../errors.ts";
import { type Interceptor, settle } from "./interceptor.ts";
import type { Invocation } from "./invocation.ts";
import { Code, StatusError } from "./status.ts";

const slowMs = 100;

const faults: ReadonlySet<Code> = new Set([Code.INTERNAL, Code.UNKNOWN, Code.DATA_LOSS]);
const pressures: ReadonlySet<Code> = new Set([Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED, Code.DEADLINE_EXCEEDED]);

const levelOf = (code: Code): "error" | "warn" | "info" => (faults.has(code) ? "error" : pressures.has(code) ? "warn" : "info");

/** The reasons of refusals that come by the thousand: they are counted, and the log has a line a second for all of them. */
const counted: ReadonlySet<string> = new Set<Reason>(["OVERLOADED", "CALLER_LIMITED", "WRITE_QUEUE_FULL"]);

/** Counts and times every call. It logs failed calls, unary calls of over 100 ms, and at level debug all calls, but never their contents. */
export const telemetry: Interceptor = (rpc, { log, metrics, refusals }) => {
  const observe = metrics.forMethod(rpc.name);
  const logsEveryCall = log.isLevelEnabled("debug");
  /** The time from which a call is logged as slow, in milliseconds; a stream may take any time. */
  const slow = rpc.kind === "unary" ? slowMs : Infinity;

  /** The fields of every log line of a call, besides the names that its log is bound to. */
  const fieldsOf = (invocation: Invocation, code: Code, milliseconds: number) => ({
    code: Code[code],
    caller: invocation.caller?.name,
    duration_ms: Math.round(milliseconds * 100) / 100,
  });

  const done = (invocation: Invocation, response: unknown): unknown => {
    const milliseconds = performance.now() - invocation.startedAt;
    observe("OK", milliseconds);
    if (milliseconds > slow) invocation.log.warn(fieldsOf(invocation, Code.OK, milliseconds), "slow call");
    else if (logsEveryCall) invocation.log.debug(fieldsOf(invocation, Code.OK, milliseconds), "call");
    return response;
  };

  const failed = (invocation: Invocation, error: unknown): never => {
    const milliseconds = performance.now() - invocation.startedAt;
    const { code, reason, cause } = error instanceof StatusError ? error : { code: Code.INTERNAL, reason: "INTERNAL_FAULT", cause: error };
    observe(Code[code], milliseconds);
    if (counted.has(reason)) {
      refusals.count(invocation.caller, reason);
      throw error;
    }
    const fields = { ...fieldsOf(invocation, code, milliseconds), reason, err: cause };
    invocation.log[levelOf(code)](fields, "call failed");
    throw error;
  };

  return (next) => (invocation, received) => settle(next, invocation, received, done, failed);
};
