import type { Logger } from "pino";
import type { Caller } from "../../call.ts";
import type { CallMetrics } from "../../telemetry/metrics.ts";
import type { Rpc } from "../rpc.ts";

/** The count of refusals, which come by the thousand: metrics have them all, the log has a line a second. */
export type Refusals = {
  /** Counts a call that the interceptors have refused, and counted as a call. */
  readonly count: (caller: Caller | undefined, reason: string) => void;
  /** Counts a call that a port has refused on its headers. */
  readonly countOnHeaders: (rpc: Rpc, caller: Caller | undefined, reason: string, code: string) => void;
  /** Writes what was counted since the last time. */
  readonly flush: () => void;
};

const INTERVAL_MS = 1_000;
/** The most callers that a line of the log names. */
const MAX_NAMED = 5;

const add = <K>(counts: Map<K, number>, key: K): void => void counts.set(key, (counts.get(key) ?? 0) + 1);

const most = (counts: ReadonlyMap<string, number>): Readonly<Record<string, number>> =>
  Object.fromEntries([...counts].sort(([, a], [, b]) => b - a).slice(0, MAX_NAMED));

/** Makes the count of refusals. Nothing runs while nothing is refused. */
export const createRefusals = (log: Logger, metrics: CallMetrics): Refusals => {
  const reasons = new Map<string, number>();
  const callers = new Map<string, number>();
  const both = new Map<string, number>();
  const calls = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;

  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    let refused = 0;
    for (const count of reasons.values()) refused += count;
    if (refused === 0) return;
    for (const [key, count] of both) {
      const [caller = "", reason = ""] = key.split(" ");
      metrics.refused(caller, reason, count);
    }
    for (const [key, count] of calls) {
      const [method = "", code = ""] = key.split(" ");
      metrics.add(method, code, count);
    }
    log.warn({ refused, reasons: Object.fromEntries(reasons), callers: most(callers) }, "calls refused");
    for (const counts of [reasons, callers, both, calls]) counts.clear();
  };
  const count: Refusals["count"] = (caller, reason) => {
    const name = caller?.name ?? "unknown";
    add(reasons, reason);
    add(callers, name);
    add(both, `${name} ${reason}`);
    timer ??= setTimeout(flush, INTERVAL_MS).unref();
  };
  return {
    count,
    countOnHeaders: (rpc, caller, reason, code) => {
      count(caller, reason);
      add(calls, `${rpc.name} ${code}`);
    },
    flush,
  };
};
