import { Command, InvalidArgumentError, Option } from "commander";

/** Something that must not happen, in the schedule of a seed. */
export type Violation = { readonly seed: string; readonly invariant: string; readonly problem: string };

/** How a simulation is run. */
export type SimulationOptions<Bug> = {
  readonly seed: string;
  readonly schedules: number;
  readonly bug?: Bug | undefined;
  readonly trace?: ((line: string) => void) | undefined;
  /** Ends at the first schedule with a violation. */
  readonly stopAtFirst?: boolean;
};

/** What many schedules have come to. */
type Summary = { readonly schedules: number; readonly violations: readonly Violation[] };

/** A simulation that a command runs. */
type Simulation<Bug, S extends Summary> = {
  readonly description: string;
  /** The deliberate bugs that can be switched on. */
  readonly bugs: readonly Bug[];
  readonly simulate: (options: SimulationOptions<Bug>) => Promise<S>;
  /** Returns in words what the schedules did. */
  readonly countsOf: (summary: S) => string;
};

const parseCount = (text: string): number => {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1) throw new InvalidArgumentError("Not a positive number.");
  return count;
};

/** Most violations that are printed. */
const SHOWN = 20;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** Runs a simulation as the command line says; sets the exit code to 1 when an invariant does not hold, or a bug goes unnoticed. */
export const runSimulationCommand = async <Bug extends { readonly name: string }, S extends Summary>({
  description,
  bugs,
  simulate,
  countsOf,
}: Simulation<Bug, S>): Promise<void> => {
  const { schedules, seed, bug, everyBug, trace } = new Command("simulate")
    .description(description)
    .addOption(new Option("--schedules <n>", "how many").argParser(parseCount).default(1_000))
    .addOption(new Option("--seed <seed>", "of the first").default(String(Date.now()), "the time"))
    .addOption(new Option("--bug <name>", "a deliberate bug").choices(bugs.map(({ name }) => name)))
    .option("--every-bug", "each deliberate bug, one after the other: how many schedules it takes to be noticed")
    .option("--trace", "print what happens")
    .parse()
    .opts<{ schedules: number; seed: string; bug?: string; everyBug?: true; trace?: true }>();

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
    const { violations } = summary;
    for (const { seed, invariant, problem } of violations.slice(0, SHOWN))
      print(`${invariant}: ${problem}; --seed ${seed} --schedules 1 --trace`);
    const rate = (summary.schedules / seconds).toFixed(0);
    print(`${summary.schedules} schedules, ${countsOf(summary)}, ${violations.length} violations; ${rate} schedules/s`);
    process.exitCode = violations.length > 0 ? 1 : 0;
  };

  await (everyBug ? printBugs() : printSchedules());
};
