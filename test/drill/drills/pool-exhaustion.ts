import { setTimeout as delay } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import pg from "pg";
import { quantile } from "../../../bench/load/load.ts";
import { createUsers, value } from "../../support/build.ts";
import { connectClients } from "../connect.ts";
import type { Drill } from "../drill.ts";

const POOL = 10;
/** The time a write has when its caller sets none, in milliseconds, and what a busy machine may add. */
const DEADLINE_MS = 3_000;
const GRACE_MS = 500;
const ROUNDS = 5;
/** How many times the 99th percentile of before cached reads may have in the median of the rounds of a long run: a short one sees too few. */
const MOST_TIMES = 1.2;

/** All connections to the database wait for a lock. */
export const poolExhaustion: Drill = {
  rows: [22],
  name: "pool-exhaustion",
  about:
    "a table is locked until every connection of the pool waits, with 300 writes at once; counts cached reads that failed, writes that were not refused within their deadline, and a p99 of those reads beyond 1.2 times",
  run: async ({ fleet, of, stack, isShort }) => {
    const settings = { DATABASE_POOL_SIZE: String(POOL), CACHE_STALENESS_MS: "30000" };
    const { members, databaseUrl } = await fleet({ size: 1, settings });
    const [reader] = connectClients(members, 1, stack);
    // Without a deadline of the client's: the service's own holds.
    // A connection takes 100 calls at once; what is more waits in the client.
    const writers = connectClients(members, 4, stack, {});
    if (reader === undefined) throw new Error("The fleet has no members.");
    const users = await createUsers(reader, 300);
    const { id: userId } = users[0] ?? { id: 0n };
    await reader.options.setOption({ userId, key: "k", value: value(1) });
    const complaints: string[] = [];
    let operations = 0;
    const readFor = async (ms: number): Promise<readonly number[]> => {
      const until = performance.now() + ms;
      const times: number[] = [];
      while (performance.now() < until) {
        const began = performance.now();
        const answer = await reader.options.getOption({ userId, key: "k" }).catch(String);
        if (typeof answer === "string") complaints.push(`a cached read failed with ${answer}`);
        times.push(performance.now() - began);
        operations += 1;
        await delay(2);
      }
      return times;
    };
    const outcomes = new Map<string, number>();
    const write = async (id: bigint, index: number): Promise<number> => {
      const writer = writers[index % writers.length] ?? reader;
      const began = performance.now();
      const error = await writer.options.setOption({ userId: id, key: "k", value: value(1) }).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      operations += 1;
      const name = error instanceof ConnectError ? `${Code[error.code]}` : String(error ?? "answered");
      outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
      if (!["DeadlineExceeded", "ResourceExhausted", "Aborted", "Unavailable"].includes(name))
        complaints.push(`a write ended with ${name}`);
      return performance.now() - began;
    };
    const holder = new pg.Client(databaseUrl);
    await holder.connect();
    stack.defer(() => holder.end());
    const round = async () => {
      const before = quantile(await readFor(of(2_000, 5_000)), 0.99);
      await holder.query("begin");
      await holder.query("lock table user_option in exclusive mode");
      const writes = Promise.all(users.map(({ id }, index) => write(id, index)));
      await delay(200);
      // Until after the last write was refused.
      const during = quantile(await readFor(of(3_500, 5_000)), 0.99);
      const slowestRefusal = Math.max(...(await writes));
      await holder.query("rollback");
      return { before, during, times: during / before, slowestRefusal };
    };
    await readFor(1_000);
    const rounds: Awaited<ReturnType<typeof round>>[] = [];
    for (let index = 0; index < of(1, ROUNDS); index += 1) rounds.push(await round());
    await reader.options.setOption({ userId, key: "k", value: value(2) });
    const slowest = Math.max(...rounds.map(({ slowestRefusal }) => slowestRefusal));
    if (slowest > DEADLINE_MS + GRACE_MS) complaints.push(`a write was refused after ${Math.round(slowest)} ms`);
    const median = (of: (seen: (typeof rounds)[number]) => number) => quantile(rounds.map(of), 0.5);
    const times = median((seen) => seen.times);
    if (!isShort && times > MOST_TIMES) complaints.push(`the p99 of cached reads was ${times.toFixed(2)} times that of before`);
    const besides = {
      read_p99_before_ms: median(({ before }) => before).toFixed(1),
      read_p99_during_ms: median(({ during }) => during).toFixed(1),
      read_p99_times: times.toFixed(2),
      read_p99_times_by_round: rounds.map((seen) => seen.times.toFixed(2)).join(" "),
      slowest_refusal_ms: Math.round(slowest),
      ...Object.fromEntries(outcomes),
    };
    return { operations, faults: rounds.length, figure: complaints.length, bound: 0, complaints, besides };
  },
};
