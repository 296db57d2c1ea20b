// npm run simulate:feed -- --schedules 10000 --seed abc: runs sequencers and near caches against a simulated world; exit code 1 when an
// invariant does not hold. --bug NAME switches a deliberate bug on; --seed S --schedules 1 --trace shows a schedule.
import { Command, InvalidArgumentError, Option } from "commander";
import { bugs } from "./bugs.ts";
import { simulate } from "./simulate.ts";

const parseCount = (text: string): number => {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1) throw new InvalidArgumentError("Not a positive number.");
  return count;
};

/** Most violations that are printed. */
const SHOWN = 20;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

const { schedules, seed, bug, everyBug, trace } = new Command("simulate")
  .description("Run the protocol of the feed and the near cache against a simulated database, processes and clocks.")
  .addOption(new Option("--schedules <n>", "how many").argParser(parseCount).default(1_000))
  .addOption(new Option("--seed <seed>", "of the first").default(String(Date.now()), "the time"))
  .addOption(new Option("--bug <name>", "a deliberate bug").choices(bugs.map(({ name }) => name)))
  .option("--every-bug", "each deliberate bug, one after the other: how many schedules it takes to be noticed")
  .option("--trace", "print what happens")
  .parse()
  .opts<{ schedules: number; seed: string; bug?: string; everyBug?: true; trace?: true }>();

/** Exit code 1 when one of them goes unnoticed. */
const printBugs = async (): Promise<void> => {
  for (const bug of bugs) {
    const { schedules: taken, violations } = await simulate({ seed, schedules, bug, stopAtFirst: true });
    const noticed = [...new Set(violations.map(({ invariant }) => invariant))].join(", ");
    print(`${bug.name}: ${noticed === "" ? `not noticed in ${taken} schedules` : `noticed in schedule ${taken} by ${noticed}`}`);
    if (noticed === "") process.exitCode = 1;
  }
};

const printSchedules = async (): Promise<void> => {
  print(`seed ${seed}, ${schedules} schedules${bug === undefined ? "" : `, with the bug "${bug}"`}`);
  const started = performance.now();
  const summary = await simulate({ seed, schedules, bug: bugs.find(({ name }) => name === bug), trace: trace && print });
  const seconds = (performance.now() - started) / 1_000;
  for (const { seed, invariant, problem } of summary.violations.slice(0, SHOWN))
    print(`${invariant}: ${problem}; --seed ${seed} --schedules 1 --trace`);
  const { reads, hits, writes, failovers, faults, violations } = summary;
  print(
    `${summary.schedules} schedules, ${reads} reads (${hits} hits), ${writes} writes, ${failovers} failovers, ${faults} faults, ${violations.length} violations; ${(summary.schedules / seconds).toFixed(0)} schedules/s`,
  );
  process.exitCode = violations.length > 0 ? 1 : 0;
};

await (everyBug ? printBugs() : printSchedules());
