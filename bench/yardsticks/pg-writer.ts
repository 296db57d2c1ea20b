// One statement through pg alone, in a process of its own: loops on connections of their own, without a transaction
// around the statement. Reads its job from standard input, prints what came of it.
import { json } from "node:stream/consumers";
import pg from "pg";
import { type LoadResult, quantile } from "../load/load.ts";
import type { WriterJob } from "./pg.ts";
import type { Parameter } from "./set-option-statement.ts";

const { url, statement, users, connections, milliseconds, warmUpMs } = (await json(process.stdin)) as WriterJob;
const begin = performance.now() + warmUpMs;
const end = begin + milliseconds;
const latencies: number[] = [];
let sent = 0;
let stamp = Date.now() * 1_000;

const nextParameters = (): Parameter[] => {
  const parameters = [...statement.parameters];
  const put = (indexes: readonly number[], text: string) => {
    for (const index of indexes) parameters[index] = Array.isArray(parameters[index]) ? [text] : text;
  };
  put(statement.userAt, users[sent++ % users.length] ?? "");
  put(statement.valueAt, `${stamp++}`);
  return parameters;
};

const clients = await Promise.all(
  Array.from({ length: connections }, async () => {
    const client = new pg.Client(url);
    await client.connect();
    return client;
  }),
);
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
const loop = async (client: pg.Client): Promise<void> => {
  for (let startedAt = performance.now(); startedAt < end; startedAt = performance.now()) {
    const { rowCount } = await client.query(statement.sql, nextParameters());
    if (rowCount !== 1) throw new Error(`The statement wrote ${rowCount} rows.`);
    const now = performance.now();
    if (now >= begin && now < end) latencies.push(now - startedAt);
  }
};
await Promise.all(clients.map(loop));
const { user, system } = process.cpuUsage(cpuBefore);
const busy = (user + system) / 1_000 / (performance.now() - startedAt);
await Promise.all(clients.map((client) => client.end()));

const result: LoadResult = {
  calls: latencies.length,
  callsPerSecond: (latencies.length / milliseconds) * 1_000,
  latency: { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) },
  busy,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
