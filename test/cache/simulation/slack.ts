import type { History, Read } from "./history.ts";

/** The clocks of two machines come apart by at most this: each is at most 200 ppm wrong. */
const DRIFT = 0.0004;
/** How long an answer of the database bounds its clock: two windows of src/cache/database-clock.ts. */
const OFFSET_MS = 60_000;
/** Most that a step of the database's clock hides from a process: it takes larger ones for what they are. */
const SMALL_STEP_MS = 100;

/**
 * What a process can't know of real time, and may therefore be wrong by, in milliseconds:
 * - it counts the bound by a clock of its own, which drifts;
 * - it dates what other processes have stored by the clock of the database, whose difference from its own it has
 *   learned at most two windows ago: what both have drifted apart since;
 * - where the clock of the database was stepped, its difference is wrong by the step, until the next answer of the
 *   database shows it. A step back is also hidden from who begins to look after it, until nothing from before it is held.
 *   Either way, what seems to come from the future is not trusted: the error is at most the age of what is held.
 */
export const slackOf = ({ boundMs, steps }: History, { process, begin }: Read): number => {
  let slack = 0.01 + boundMs * DRIFT + Math.min(begin, OFFSET_MS) * DRIFT;
  for (const { at, by } of steps) {
    if (at > begin) continue;
    if (Math.abs(by) <= SMALL_STEP_MS) {
      if (begin - at <= OFFSET_MS) slack += Math.abs(by);
      continue;
    }
    const hasShown = process.answers.some((answer) => answer.sent >= at && answer.at <= begin - boundMs);
    const isHidden = by > 0 ? !hasShown : begin - at <= 4 * boundMs;
    if (isHidden) slack += Math.min(Math.abs(by), 2 * boundMs + SMALL_STEP_MS);
  }
  return slack;
};
