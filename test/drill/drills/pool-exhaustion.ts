import { setTimeout as delay } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import pg from "pg";
import { quantile } from "../../../bench/load/load.ts";
import { UserOptionService } from "../../../src/gen/userd/v1/user_option_service_pb.ts";
import { callsOf, failuresOf, runLoad } from "../../hostile/load.ts";
import { createUsers, value } from "../../support/build.ts";
import { connectClients } from "../connect.ts";
import type { Drill } from "../drill.ts";

const POOL = 10;
/** The time a write has when its caller sets none, in milliseconds, and what a busy machine may add. */
const DEADLINE_MS = 3_000;
const GRACE_MS = 500;
const ROUNDS = 5;
const READS_PER_SECOND = 400;
/** The time in which the writes begin, in milliseconds: the first ones still wait when the last one comes. */
const WRITES_MS = 2_500;
/** How a write may end that can't be done. */
const refusals = ["DeadlineExceeded", "ResourceExhausted", "Aborted", "Unavailable"];
/**
 * How many times the 99th percentile of before, without writes, cached reads may have. It is held to in the median of the rounds of a long
 * run: a short one sees too few.
 */
const MOST_TIMES = 1.2;

/** All connections to the database wait for a lock. */
export const poolExhaustion: Drill = {
  rows: [22],
  name: "pool-exhaustion",
  about:
    "a table is locked until every connection of the pool waits, with 300 writes in 2.5 s, and then all at once; counts cached reads that failed, writes that were not refused within their deadline, and a p99 of reads beside the former beyond 1.2 times that without any writes",
  run: async ({ fleet, of, stack, isShort }) => {
    const settings = { DATABASE_POOL_SIZE: String(POOL), CACHE_STALENESS_MS: "30000" };
    const { members, databaseUrl } = await fleet({ size: 1, settings });
    const [member] = members;
    const [reader] = connectClients(members, 1, stack);
    // Without a deadline of the client's: the service's own holds.
    // A connection takes 100 calls at once; what is more waits in the client.
    const writers = connectClients(members, 4, stack, {});
    if (member === undefined || reader === undefined) throw new Error("The fleet has no members.");
    const users = await createUsers(reader, 300);
    const { id: userId } = users[0] ?? { id: 0n };
    await reader.options.setOption({ userId, key: "k", value: value(1) });
    const complaints: string[] = [];
    let operations = 0;
    // From a process of their own: this one is busy with the writes, and with their refusals when all of them end at once.
    const read = async (): Promise<number> => {
      const request = { userId, key: "k" };
      const calls = callsOf({ address: () => member.addresses.grpcAddress }, undefined, UserOptionService.method.getOption, [request]);
      const seen = await runLoad({ ...calls, connections: 2, inFlight: 1, perSecond: READS_PER_SECOND, seconds: 7 });
      operations += seen.sent;
      const failed = failuresOf(seen);
      if (failed > 0) complaints.push(`${failed} cached reads failed`);
      return seen.answered.p99;
    };
    const outcomes = new Map<string, number>();
    const write = async (id: bigint, index: number): Promise<{ readonly name: string; readonly ms: number }> => {
      const writer = writers[index % writers.length] ?? reader;
      const began = performance.now();
      const error = await writer.options.setOption({ userId: id, key: "k", value: value(1) }).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      operations += 1;
      return { name: error instanceof ConnectError ? `${Code[error.code]}` : String(error ?? "answered"), ms: performance.now() - began };
    };
    const holder = new pg.Client(databaseUrl);
    await holder.connect();
    stack.defer(() => holder.end());
    /** Reads while all users are written, one after the other within a time, and none of it can be done. */
    const readBesideWrites = async (withinMs: number) => {
      await holder.query("begin");
      await holder.query("lock table user_option in exclusive mode");
      const reads = read();
      // Its first second, which is not counted, and some more: the writes begin while it counts, and end before it.
      await delay(1_500);
      const writes = await Promise.all(users.map(({ id }, index) => delay((index / users.length) * withinMs).then(() => write(id, index))));
      const p99 = await reads;
      await holder.query("rollback");
      for (const { name } of writes) {
        outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
        if (!refusals.includes(name)) complaints.push(`a write ended with ${name}`);
      }
      return { p99, slowestRefusal: Math.max(...writes.map(({ ms }) => ms)) };
    };
    const round = async () => {
      const before = await read();
      const { p99: during, slowestRefusal } = await readBesideWrites(WRITES_MS);
      return { before, during, times: during / before, slowestRefusal };
    };
    await read();
    const rounds: Awaited<ReturnType<typeof round>>[] = [];
    for (let index = 0; index < of(1, ROUNDS); index += 1) rounds.push(await round());
    // All at once take turns of the event loop whether or not they can be done: reads wait for those, and must not fail.
    const atOnce = await readBesideWrites(0);
    await reader.options.setOption({ userId, key: "k", value: value(2) });
    const slowest = Math.max(...[...rounds, atOnce].map(({ slowestRefusal }) => slowestRefusal));
    if (slowest > DEADLINE_MS + GRACE_MS) complaints.push(`a write was refused after ${Math.round(slowest)} ms`);
    const median = (of: (seen: (typeof rounds)[number]) => number) => quantile(rounds.map(of), 0.5);
    const times = median((seen) => seen.times);
    if (!isShort && times > MOST_TIMES) complaints.push(`the p99 of cached reads was ${times.toFixed(2)} times that of before`);
    const besides = {
      read_p99_before_ms: median(({ before }) => before).toFixed(1),
      read_p99_during_ms: median(({ during }) => during).toFixed(1),
      read_p99_times: times.toFixed(2),
      read_p99_times_by_round: rounds.map((seen) => seen.times.toFixed(2)).join(" "),
      read_p99_at_once_ms: atOnce.p99.toFixed(1),
      slowest_refusal_ms: Math.round(slowest),
      ...Object.fromEntries(outcomes),
    };
    return { operations, faults: rounds.length + 1, figure: complaints.length, bound: 0, complaints, besides };
  },
};
