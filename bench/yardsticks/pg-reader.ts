// One statement through pg alone, in a process of its own: sends it again and again, on connections of its own. Reads its
// job from standard input, prints what came of it.
import { json } from "node:stream/consumers";
import pg from "pg";
import { type LoadResult, quantile } from "../load/load.ts";
import type { ReaderJob } from "./pg.ts";

const { url, sql, parameters, rows: expected, connections, milliseconds, warmUpMs } = (await json(process.stdin)) as ReaderJob;
const begin = performance.now() + warmUpMs;
const end = begin + milliseconds;
const latencies: number[] = [];

const loop = async (client: pg.Client): Promise<void> => {
  for (let startedAt = performance.now(); startedAt < end; startedAt = performance.now()) {
    const { rowCount } = await client.query({ name: "yardstick", text: sql, values: [...parameters] });
    if (rowCount !== expected) throw new Error(`The statement returned ${rowCount} rows.`);
    const now = performance.now();
    if (now >= begin && now < end) latencies.push(now - startedAt);
  }
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
