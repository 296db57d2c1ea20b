import { cpuSeconds } from "./child.ts";
import type { Latency, LoadOptions, LoadResult } from "./load/load.ts";

/** One of the two that are compared: makes one round of load. */
export type Side = (options: LoadOptions) => Promise<LoadResult>;

/** What one side reached: medians over the rounds. */
export type Measured = {
  readonly callsPerSecond: number;
  readonly latency: Latency | undefined;
  /** Share of a core. */
  readonly busy: number | undefined;
};

/** Both sides of a row. */
export type Comparison = {
  readonly userd: Measured;
  readonly yardstick: Measured;
  /** Of the medians of calls per second, or of calls per second of CPU time when both sides were loaded at once. */
  readonly ratio: number;
  /** The least and the greatest ratio of one round: how far to trust the one of the medians. */
  readonly spread: readonly [least: number, greatest: number];
};

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
};

type Speed = Pick<LoadResult, "callsPerSecond" | "busy">;

const unknown: Speed = { callsPerSecond: Number.NaN };

const summarize = (rounds: readonly LoadResult[], latency: Latency | undefined): Measured => {
  const busy = rounds.flatMap((round) => round.busy ?? []);
  return { callsPerSecond: median(rounds.map((round) => round.callsPerSecond)), latency, busy: busy.length > 0 ? median(busy) : undefined };
};

/** Adds how busy a server was during its load. */
export const watched =
  (pid: number, side: Side): Side =>
  async (options) => {
    const [startedAt, before] = [performance.now(), cpuSeconds(pid)];
    const result = await side(options);
    const after = cpuSeconds(pid);
    if (before === undefined || after === undefined) return result;
    return { ...result, busy: ((after - before) * 1_000) / (performance.now() - startedAt) };
  };

/** How the two sides are compared. */
export type CompareOptions = {
  readonly rounds: number;
  /** The length of a round. */
  readonly seconds: number;
  /**
   * Loads both sides at the same time: they share the cores, and each moment is as good or bad for one as for the other. Their
   * CPU per call can be compared on a machine whose speed changes from second to second; their latencies say nothing.
   */
  readonly atOnce?: boolean;
};

/**
 * Runs both sides in turn, so that whatever slows the machine for a while slows both. A first round each, not counted,
 * warms up; the order changes each round, so that neither is always the first; a last round each measures latencies.
 */
export const compare = async (
  sides: { readonly userd: Side; readonly yardstick: Side },
  { rounds, seconds, atOnce = false }: CompareOptions,
  progress: (done: string) => void,
): Promise<Comparison> => {
  const results: Record<keyof typeof sides, LoadResult[]> = { userd: [], yardstick: [] };
  const names = ["userd", "yardstick"] as const;
  for (const name of names) await sides[name]({ seconds: Math.min(seconds, 2), latency: false });
  for (let round = 1; round <= rounds; round += 1) {
    const once = async (name: keyof typeof sides): Promise<void> => {
      const result = await sides[name]({ seconds, latency: false });
      results[name].push(result);
      progress(`round ${round} of ${rounds}: ${name} ${Math.round(result.callsPerSecond)} calls/s`);
    };
    if (atOnce) await Promise.all(names.map(once));
    else for (const name of round % 2 === 1 ? names : names.toReversed()) await once(name);
  }
  const lastSeconds = { seconds: Math.min(seconds, 2), latency: true };
  const [{ latency: ofUserd }, { latency: ofYardstick }] = [await sides.userd(lastSeconds), await sides.yardstick(lastSeconds)];
  const [userd, yardstick] = [summarize(results.userd, ofUserd), summarize(results.yardstick, ofYardstick)];
  // A side that is no process of its own, such as a loop of the bench, has no CPU time that could be compared.
  const byCpu = atOnce && [...results.userd, ...results.yardstick].every(({ busy }) => busy !== undefined);
  const speedOf = ({ callsPerSecond, busy = 1 }: Speed): number => (byCpu ? callsPerSecond / busy : callsPerSecond);
  const ratios = results.userd.map((round, index) => speedOf(round) / speedOf(results.yardstick[index] ?? unknown));
  return {
    userd,
    yardstick,
    ratio: byCpu ? median(ratios) : speedOf(userd) / speedOf(yardstick),
    spread: [Math.min(...ratios), Math.max(...ratios)],
  };
};
