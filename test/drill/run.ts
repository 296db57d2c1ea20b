import { inspect } from "node:util";
import { createRandom } from "../fuzz/random.ts";
import { type Fleet, startFleet } from "../support/fleet.ts";
import { startRedis } from "../support/redis.ts";
import type { Drill, Outcome, Stage } from "./drill.ts";

/** What all drills of a run have in common. */
export type Run = {
  readonly postgresUrl: string;
  readonly isShort: boolean;
  /** The time that drills last which go on for some time, in minutes; undefined = their own. */
  readonly minutes: number | undefined;
  readonly seed: string;
  readonly sharedFleet: () => Promise<Fleet>;
};

/** The most complaints of a drill that are printed. */
const MAX_SHOWN = 10;

const stageOf = (
  drill: Drill,
  { postgresUrl, isShort, minutes, seed, sharedFleet }: Run,
  stack: AsyncDisposableStack,
  complain: Stage["complain"],
): Stage => ({
  random: createRandom(seed, drill.name),
  isShort,
  postgresUrl,
  sharedFleet,
  of: (short, long) => (isShort ? short : long),
  lasts: (short, long) => (minutes === undefined ? (isShort ? short : long) : minutes * 60_000),
  fleet: async ({ withRedis = false, ...options } = {}) => {
    const redis = withRedis ? stack.use(await startRedis()) : undefined;
    return stack.use(await startFleet({ postgresUrl, redis, ...options }));
  },
  complain,
  stack,
});

/** Runs a drill, prints its line, and tells whether it passed; one that the machine can't run passes unless tools are required. */
export const runDrill = async (drill: Drill, run: Run, print: (line: string) => void): Promise<boolean> => {
  const { rows, name } = drill;
  const lacks = drill.lacks?.();
  if (lacks !== undefined) {
    const passed = !process.env["REQUIRE_TOOLS"];
    print(JSON.stringify({ row: rows.join(), name, skipped: lacks, passed }));
    return passed;
  }
  await using stack = new AsyncDisposableStack();
  const started = performance.now();
  let outcome: Outcome;
  let told = 0;
  const complain = (complaint: string): void => {
    told += 1;
    print(`  ${name}: ${complaint}`);
  };
  try {
    outcome = await drill.run(stageOf(drill, run, stack, complain));
  } catch (error) {
    print(inspect(error));
    outcome = { operations: 0, faults: 0, figure: Number.NaN, bound: 0, complaints: ["it did not come to its end"] };
  }
  const { operations, faults, figure, bound, complaints, besides = {} } = outcome;
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  // A drill that has done nothing has shown nothing.
  const passed = figure <= bound && complaints.length + told === 0 && operations > 0;
  for (const complaint of complaints.slice(0, MAX_SHOWN)) print(`  ${name}: ${complaint}`);
  if (complaints.length > MAX_SHOWN) print(`  ${name}: … ${complaints.length} complaints`);
  print(JSON.stringify({ row: rows.join(), name, operations, faults, seconds, figure, bound, passed, ...besides }));
  return passed;
};
