import { readFileSync } from "node:fs";
import pg from "pg";
import { warmUpMs } from "./load/load.ts";
import type { Side } from "./rounds.ts";

const warmUp = warmUpMs / 1_000;

/** The CPU time that a process has used, in µs, as the kernel's scheduler counts it; 0 for one that is not on this machine. */
const cpuOf = (pid: number): number => {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[0]) / 1_000;
  } catch {
    return 0;
  }
};

/** What PostgreSQL takes for the calls of each side. */
export type DatabaseCpu = AsyncDisposable & {
  /** Adds the time of the database's connections during a side's rounds. */
  readonly watch: (side: Side) => Side;
  /** The median over the rounds of a watched side, in µs a call. */
  readonly perCall: (side: Side) => number;
};

/** Watches the connections to a database, while rounds run that nothing else uses it in. */
export const watchDatabase = async (url: string): Promise<DatabaseCpu> => {
  const client = new pg.Client(url);
  await client.connect();
  const used = async (): Promise<number> => {
    const { rows } = await client.query<{ pid: number }>(
      "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
    );
    return rows.reduce((sum, { pid }) => sum + cpuOf(pid), 0);
  };
  const rounds = new Map<Side, number[]>();
  return {
    watch: (side) => {
      const found: number[] = [];
      const watched: Side = async (options) => {
        const before = await used();
        const result = await side(options);
        // Calls of the warm-up are not counted, but take time: the share of a second that counts is what is known.
        const counted = options.seconds / (options.seconds + warmUp);
        found.push((((await used()) - before) * counted) / result.calls);
        return result;
      };
      rounds.set(watched, found);
      return watched;
    },
    perCall: (side) => {
      const sorted = (rounds.get(side) ?? []).toSorted((a, b) => a - b);
      return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
    },
    [Symbol.asyncDispose]: () => client.end(),
  };
};
