import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** What a server has recorded of the work of its thread. */
export type Recorded = {
  /** The CPU time so far at times of the server's clock, in milliseconds: once a turn of the event loop, but at most once in a millisecond. */
  readonly samples: readonly (readonly [at: number, cpuMs: number])[];
  /** The full garbage collections, by the same clock. */
  readonly collections: readonly (readonly [begun: number, ended: number])[];
};

/** The flag of node with which a server records its work, and the setting that names the file for it. */
export const recordInto = (file: string) => ({
  flag: `--import=${fileURLToPath(new URL("recorder.ts", import.meta.url))}`,
  settings: { WORK_FILE: file },
});

/** Takes what a server has recorded since the last time. */
export const takeRecorded = async (pid: number, file: string): Promise<Recorded> => {
  await rm(file, { force: true });
  process.kill(pid, "SIGUSR2");
  while (!existsSync(file)) await delay(10);
  return JSON.parse(await readFile(file, "utf8")) as Recorded;
};

/** The time from the beginning and from the end of what was recorded that is left out, in milliseconds: clients start and stop in it. */
const EDGE_MS = 1_500;

/** The wait for turns of the event loop, in milliseconds of CPU time. */
export type TurnWait = {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  /** The 99th percentile without the turns that had a full garbage collection. */
  readonly p99WithoutCollections: number;
};

/** Returns what a share of those wait at least who come at any time of the turns: each meets a turn as often as it is long, and waits for the rest of it. */
const waitOf = (turns: readonly number[], share: number): number => {
  const total = turns.reduce((sum, turn) => sum + turn, 0);
  let [low, high] = [0, Math.max(0, ...turns)];
  while (high - low > 0.01) {
    const middle = (low + high) / 2;
    const beyond = turns.reduce((sum, turn) => sum + Math.max(0, turn - middle), 0);
    if (beyond > share * total) low = middle;
    else high = middle;
  }
  return high;
};

/**
 * Returns how long a call waits that comes at any time while the server works, for the turn of the event loop that it meets. It is CPU time of the thread,
 * so that what other processes take from it does not count.
 */
export const turnWait = ({ samples, collections }: Recorded): TurnWait => {
  const [first = 0, last = 0] = [samples[0]?.[0], samples.at(-1)?.[0]];
  const turns = samples.slice(1).flatMap(([ended, cpuMs], index) => {
    const [begun = 0, before = 0] = samples[index] ?? [];
    if (begun < first + EDGE_MS || ended > last - EDGE_MS) return [];
    return [{ took: cpuMs - before, isFull: collections.some(([from, to]) => from < ended && to > begun) }];
  });
  const all = turns.map(({ took }) => took);
  const others = turns.filter(({ isFull }) => !isFull).map(({ took }) => took);
  return { p50: waitOf(all, 0.5), p90: waitOf(all, 0.1), p99: waitOf(all, 0.01), p99WithoutCollections: waitOf(others, 0.01) };
};
