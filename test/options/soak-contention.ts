// node test/options/soak-contention.ts [OPTIONS] [ADDITIONS]: contention.test.ts at full length (10,000 options that eight
// clients set for the first time, 20,000 additions by etag), on a PostgreSQL of its own.
import pg from "pg";
import { pino } from "pino";
import { startApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config.ts";
import { createClients } from "../support/clients.ts";
import { startPostgres } from "../support/postgres.ts";
import { raceFirstSets, raceIncrements } from "./contention.ts";

const [options = 10_000, additions = 20_000] = process.argv.slice(2).map(Number);

await using stack = new AsyncDisposableStack();
const postgres = await startPostgres();
stack.defer(() => postgres.stop());
const url = new URL(postgres.url);
url.pathname = "/userd_soak";
const admin = new pg.Client(postgres.url);
await admin.connect();
await admin.query("drop database if exists userd_soak with (force)");
await admin.query("create database userd_soak");
await admin.end();
const config = loadConfig(
  {
    DATABASE_URL: url.href,
    SECRET_KEY: Buffer.alloc(32, 7).toString("base64"),
    GRPC_LISTEN: "127.0.0.1:0",
    HTTP_LISTEN: "127.0.0.1:0",
    DRAIN_SECONDS: "0",
  },
  {},
);
const app = stack.use(await startApp(config, pino({ level: "error" }), { migrate: true }));
const eight = Array.from({ length: 8 }, () => createClients(app));
stack.defer(() => {
  for (const { close } of eight) close();
});
const clients = eight.map(({ byKind }) => byKind["grpc-js"]);

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const seconds = async <T>(what: string, race: Promise<T>): Promise<T> => {
  const begin = performance.now();
  const result = await race;
  say(`${what}: ${((performance.now() - begin) / 1_000).toFixed(1)} s`);
  return result;
};

const sets = await seconds(`8 × ${options} first sets`, raceFirstSets(clients, options));
const reader = new pg.Client(url.href);
await reader.connect();
const { rows } = await reader.query<{ count: string }>("select count(*) as count from user_option");
await reader.end();
say(`rows ${rows[0]?.count}, created ${sets.created}, failures ${JSON.stringify(sets.failures)}`);
const increments = await seconds(`${additions} additions by etag`, raceIncrements(clients, additions));
say(`final value ${increments.final}, acknowledged ${increments.acknowledged}, refused ${JSON.stringify(increments.failures)}`);

const isSound =
  Number(rows[0]?.count) === options &&
  sets.created === options &&
  Object.keys(sets.failures).length === 0 &&
  increments.final === increments.acknowledged &&
  increments.acknowledged === additions &&
  Object.keys(increments.failures).every((code) => code === "Aborted");
say(isSound ? "sound" : "NOT SOUND");
process.exitCode = isSound ? 0 : 1;
