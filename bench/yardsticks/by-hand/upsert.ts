import { fileURLToPath } from "node:url";
import pg from "pg";
import { startNode } from "../../child.ts";
import type { Pins } from "../../cpus.ts";
import { startFlags } from "../../start-flags.ts";
import type { BareServer } from "../bare.ts";
import type { UpsertJob } from "./upsert-server.ts";

/** The same columns and keys as `user_option`, with the rows of it, and nothing that runs when one changes. */
const tables = [
  "drop table if exists bench_plain_option",
  "create table bench_plain_option (like user_option including defaults including generated including identity including indexes)",
  "insert into bench_plain_option (user_id, scope_kind, scope_id, key, value) select user_id, scope_kind, scope_id, key, value from user_option",
];

/** Starts a service by hand on the server's core. */
const start = async (script: string, job: UpsertJob, pins: Pins): Promise<BareServer> => {
  const child = startNode(fileURLToPath(new URL(script, import.meta.url)), [], { cpus: pins.server, nodeFlags: startFlags, job });
  return { pid: child.pid, address: await child.nextLine(), [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
};

/** Starts the service by hand that reads options without a cache. */
export const startSelectServer = (job: UpsertJob, pins: Pins): Promise<BareServer> => start("select-server.ts", job, pins);

/** Makes a table of options without triggers, and starts the service by hand that writes to it. */
export const startUpsertServer = async (job: UpsertJob, pins: Pins): Promise<BareServer> => {
  const client = new pg.Client(job.url);
  await client.connect();
  try {
    for (const statement of tables) await client.query(statement);
  } finally {
    await client.end();
  }
  return start("upsert-server.ts", job, pins);
};
