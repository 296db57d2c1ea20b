// npm run bench: what userd does per second, each figure beside its yardstick. README.md says how to read it.
import { Command, InvalidArgumentError, Option } from "commander";
import type { Bench, Details, Row } from "./bench.ts";
import { rowsBeside } from "./beside.ts";
import { choosePins, pinSelf } from "./cpus.ts";
import { createH2load, hasH2load } from "./load/h2load.ts";
import { createOwnClient } from "./load/own.ts";
import { chainLine, detailsLine, jsonLine, machineLine, type Outcome, table } from "./report.ts";
import { compare } from "./rounds.ts";
import { rows } from "./rows/index.ts";
import { seed } from "./seed.ts";
import { type Service, startService } from "./service.ts";

type Options = {
  readonly json?: true;
  readonly only?: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly client?: "h2load" | "own";
  readonly beside?: string;
  readonly swapped?: true;
  readonly atOnce?: true;
};

const users = 1_000;

const positive = (text: string): number => {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("It has to be a number above 0.");
  return value;
};

const options = new Command("npm run bench --")
  .description("Measures userd over loopback, each row beside its yardstick in the same run.")
  .option("--json", "one line per row: {name, value, unit, yardstick, ratio, …}")
  .addOption(new Option("--only <name...>", "some rows").choices(rows.map(({ name }) => name)))
  .option("--rounds <n>", "rounds of each side; medians are taken over them", positive, 5)
  .option("--seconds <n>", "length of a round", positive, 3)
  .addOption(
    new Option("--client <client>", "what makes the load for reads; default: h2load when it is installed").choices(["h2load", "own"]),
  )
  .option("--beside <folder>", "hold each row against the userd of another checkout (its packages installed) instead of its yardstick")
  .option("--swapped", "with --beside: give the other checkout the first place, which costs writes up to 5 %")
  .option(
    "--at-once",
    "load both sides at the same time, and compare their CPU time: for a machine whose speed changes; --beside always does",
  )
  .parse()
  .opts<Options>();

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const print = (line: string): void => void process.stdout.write(`${line}\n`);
/** With --json, standard output is for programs alone. */
const note = options.json ? say : print;

const measure = async (row: Row, bench: Bench): Promise<Outcome> => {
  const skipped = row.skip?.();
  if (skipped !== undefined) {
    note(`${row.name}: SKIPPED, ${skipped}`);
    return { row, skipped };
  }
  const progress = (done: string) => say(`  ${done}`);
  const tell = (details: Details) => {
    if (Object.keys(details).length > 0) note(`  ${row.name}: ${detailsLine(details)}`);
  };
  if ("gauge" in row) {
    note(`${row.name}: once`);
    const gauge = await row.gauge(bench, progress);
    tell(gauge.details);
    return { row, gauge };
  }
  await using prepared = await row.prepare(bench);
  note(`${row.name}: ${prepared.load}`);
  const comparison = await compare(prepared, { ...options, atOnce: options.atOnce ?? options.beside !== undefined }, progress);
  const details = prepared.details?.() ?? {};
  tell(details);
  return { row, comparison, details };
};

const pins = choosePins();
pinSelf(pins);
const withH2load = options.client === undefined ? hasH2load() : options.client === "h2load";
const varying = createOwnClient(pins.client);
const load = withH2load ? createH2load(pins.client) : varying;

await using stack = new AsyncDisposableStack();
const start = async (checkout?: string): Promise<Service> => stack.use(await startService(pins, checkout));
const other = options.beside;
const [service, besides] = await Promise.all(
  other === undefined ? [start()] : options.swapped ? [start(other), start()] : [start(), start(other)],
);
note(machineLine(service.database));
note(pins.sentence);
note(chainLine());
if (!withH2load) note("h2load is not used: our own client is slower than a bare server, so ratios of reads look BETTER than they are");

const benchOf = async (measured: Service): Promise<Bench> => ({
  service: measured,
  pins,
  load,
  varying,
  seed: await seed(measured, users),
});
// At the same time: one that rested while the other was filled would be slower for it.
const [bench, benchBeside] = await Promise.all([benchOf(service), besides && benchOf(besides)]);
const outcomes: Outcome[] = [];
for (const row of (benchBeside === undefined ? rows : rowsBeside(rows, benchBeside)).filter(
  ({ name }) => options.only?.includes(name) ?? true,
)) {
  const outcome = await measure(row, bench);
  outcomes.push(outcome);
  if (options.json) print(jsonLine(outcome));
}
if (!options.json) print(`\n${table(outcomes)}`);
