import { setTimeout as delay } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import pg from "pg";
import { createUsers, value } from "../../support/build.ts";
import { connectClients } from "../connect.ts";
import type { Drill } from "../drill.ts";
import { percentile } from "../percentile.ts";

const POOL = 10;
/** The time a write has when its caller sets none, in milliseconds, and what a busy machine may add. */
const DEADLINE_MS = 3_000;
const GRACE_MS = 500;

/** All connections to the database wait for a lock. */
export const poolExhaustion: Drill = {
  rows: [22],
  name: "pool-exhaustion",
  about:
    "a table is locked until every connection of the pool waits, with 300 writes at once; counts cached reads that failed, and writes that were not refused within their deadline",
  run: async ({ fleet, of, stack }) => {
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
    await readFor(1_000);
    const before = await readFor(of(2_000, 8_000));
    const holder = new pg.Client(databaseUrl);
    await holder.connect();
    stack.defer(() => holder.end());
    await holder.query("begin");
    await holder.query("lock table user_option in exclusive mode");
    const outcomes = new Map<string, number>();
    const times: number[] = [];
    const write = async (id: bigint, index: number): Promise<void> => {
      const writer = writers[index % writers.length] ?? reader;
      const began = performance.now();
      const error = await writer.options.setOption({ userId: id, key: "k", value: value(1) }).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      times.push(performance.now() - began);
      operations += 1;
      const name = error instanceof ConnectError ? `${Code[error.code]}` : String(error ?? "answered");
      outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
      if (!["DeadlineExceeded", "ResourceExhausted", "Aborted", "Unavailable"].includes(name))
        complaints.push(`a write ended with ${name}`);
    };
    const writes = Promise.all(users.map(({ id }, index) => write(id, index)));
    await delay(200);
    const during = await readFor(of(2_000, 8_000));
    await writes;
    const slowest = Math.max(...times);
    if (slowest > DEADLINE_MS + GRACE_MS) complaints.push(`a write was refused after ${Math.round(slowest)} ms`);
    await holder.query("rollback");
    await reader.options.setOption({ userId, key: "k", value: value(2) });
    const [quiet, busy] = [percentile(before, 0.99), percentile(during, 0.99)];
    const besides = {
      read_p99_before_ms: quiet,
      read_p99_during_ms: busy,
      slowest_refusal_ms: Math.round(slowest),
      ...Object.fromEntries(outcomes),
    };
    return { operations, faults: 1, figure: complaints.length, bound: 0, complaints, besides };
  },
};
