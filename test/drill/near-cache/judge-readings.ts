import type { Moments } from "../moments.ts";
import type { Readings } from "./readings.ts";

/** What is to be said of the readings of a near cache. */
export type ReadingsVerdict = {
  /** The values that were read after they had been outdated for longer than the bound. */
  readonly stale: number;
  /** The values that were read by somebody after they had been outdated at all: where there are none, the check has shown nothing. */
  readonly outdated: number;
  /** The longest that a value was outdated when a read of it began, in milliseconds. */
  readonly oldestMs: number;
  readonly complaints: readonly string[];
};

/** Returns for each value, from 0 on, when the first greater one was acknowledged: from then on it is outdated for certain. */
const outdatedAt = ({ begun, acknowledged }: Moments): readonly number[] => {
  const values = Math.max(begun.length, acknowledged.length);
  const times: number[] = Array(values + 1).fill(Number.POSITIVE_INFINITY);
  for (let value = values - 1; value >= 0; value -= 1)
    times[value] = Math.min(times[value + 1] ?? Number.POSITIVE_INFINITY, acknowledged[value] ?? Number.POSITIVE_INFINITY);
  return times;
};

/** Holds each value that was found against the moments of the writes of its option. */
export const judgeReadings = (name: string, { found }: Readings, options: readonly Moments[], boundMs: number): ReadingsVerdict => {
  const times = options.map(outdatedAt);
  const complaints: string[] = [];
  let [stale, outdated, oldestMs] = [0, 0, 0];
  for (const [slot, value, reads, firstEnded, lastBegan] of found) {
    const begun = value === 0 ? Number.NEGATIVE_INFINITY : options[slot]?.begun[value - 1];
    if (begun === undefined || firstEnded < begun) complaints.push(`${name} found ${value}, which nobody had written`);
    const age = lastBegan - (times[slot]?.[value] ?? Number.POSITIVE_INFINITY);
    if (age > 0) outdated += 1;
    oldestMs = Math.max(oldestMs, age);
    if (age <= boundMs) continue;
    stale += 1;
    complaints.push(`${name} found ${value} in ${reads} reads, the last of which began ${Math.round(age)} ms after it was outdated`);
  }
  return { stale, outdated, oldestMs: Math.round(oldestMs), complaints };
};
