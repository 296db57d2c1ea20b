import { once } from "node:events";
import { connect } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import pg from "pg";
import { formatAddress } from "../../../src/server/sockets.ts";
import { createUser, createUsers, unique, value } from "../../support/build.ts";
import type { Clients } from "../../support/clients.ts";
import type { Member } from "../../support/fleet.ts";
import { connectClients } from "../connect.ts";
import type { Drill } from "../drill.ts";
import { percentile } from "../percentile.ts";

/** How soon nothing may be left of a cancelled call, in milliseconds; in the short run, which may have a busy machine, the drill is patient. */
const BOUND_MS = 200;
const PATIENCE_MS = 5_000;
const BATCH = 50;
const strong = { mode: { case: "fullyConsistent" as const, value: true } };

type CallOf = (clients: Clients, userId: bigint, signal: AbortSignal) => Promise<unknown>;

const calls: readonly [CallOf, ...CallOf[]] = [
  ({ options }, userId, signal) => options.getOption({ userId, key: "k", consistency: strong }, { signal }),
  ({ options }, userId, signal) => options.setOption({ userId, key: "k", value: value(1) }, { signal }),
  // Waits for the row that the drill holds, so that it is surely in progress when it is cancelled.
  ({ options }, _, signal) => options.setOption({ userId: blocked.userId, key: "k", value: value(1) }, { signal }),
  ({ users }, _, signal) => users.listUsers({ pageSize: 1_000 }, { signal }),
  ({ profiles }, _, signal) => profiles.createAccount({ account: { name: unique("Cancelled ") } }, { signal }),
];
const blocked = { userId: 0n };

/** Sends half a message and goes away after a while. */
const stall = async ({ addresses }: Member, ms: number): Promise<void> => {
  const session = connect(`http://${formatAddress(addresses.grpcAddress)}`);
  const stream = session.request({
    ":method": "POST",
    ":path": "/userd.v1.UserOptionService/GetOption",
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => {}).resume();
  stream.write(Buffer.from([0, 0, 0, 0, 50, 1]));
  await delay(ms);
  stream.close(8);
  await Promise.race([once(stream, "close"), delay(1_000)]);
  session.destroy();
};

/** Calls are cancelled at random moments. */
export const cancellations: Drill = {
  rows: [23],
  name: "cancellations",
  about:
    "2,000 calls are cancelled at random moments, stalled bodies and writes that wait for a lock among them; counts statements that the database works for 200 ms later",
  isInShort: true,
  run: async ({ sharedFleet, of, random, stack }) => {
    const fleet = await sharedFleet();
    const [member] = fleet.members;
    const clients = connectClients(fleet.members, 3, stack);
    const [some] = clients;
    if (some === undefined || member === undefined) throw new Error("The fleet has no members.");
    const users = await createUsers(some, 50);
    blocked.userId = (await createUser(some)).id;
    const holder = new pg.Client(fleet.databaseUrl);
    await holder.connect();
    stack.defer(() => holder.end());
    await holder.query("begin");
    await holder.query("select from aggregate_version where kind = 'user' and id = $1 for update", [String(blocked.userId)]);
    const observer = new pg.Client(fleet.databaseUrl);
    await observer.connect();
    stack.defer(() => observer.end());
    const active = async () => {
      const { rows } = await observer.query<{ state: string; query: string }>(
        // What gives changes their positions is no call's.
        `select state, query from pg_stat_activity
          where datname = current_database() and application_name = 'userd' and state <> 'idle'
            and query !~ '(from changes where id >|into feed|current_feed_head)'`,
      );
      return rows;
    };
    const complaints: string[] = [];
    const outcomes = new Map<string, number>();
    const times: number[] = [];
    const total = of(200, 2_000);
    const boundMs = of(PATIENCE_MS, BOUND_MS);
    let left = 0;
    const cancelOne = async (): Promise<void> => {
      if (random.chance(0.1)) return stall(member, random.below(30));
      const controller = new AbortController();
      const call = random.pick(calls)(random.pick(clients as [Clients]), users[random.below(users.length)]?.id ?? 0n, controller.signal);
      setTimeout(() => controller.abort(), random.below(30));
      const outcome = await call.then(
        () => "answered",
        (error: unknown) => (error instanceof ConnectError ? `${Code[error.code]}` : String(error)),
      );
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (outcome !== "answered" && outcome !== "Canceled" && outcome !== "ResourceExhausted")
        complaints.push(`a call ended with ${outcome}`);
    };
    for (let sent = 0; sent < total; sent += BATCH) {
      await Promise.all(Array.from({ length: BATCH }, cancelOne));
      const ended = performance.now();
      let working = await active();
      while (working.length > 0 && performance.now() < ended + boundMs) {
        await delay(10);
        working = await active();
      }
      left += working.length;
      for (const { state, query } of working) complaints.push(`the database is ${state} with: ${query.slice(0, 100)}`);
      times.push(performance.now() - ended);
    }
    await holder.query("rollback");
    await delay(BOUND_MS);
    for (const { metrics } of fleet.members) {
      const gauge = Number(/^userd_calls_in_progress (\d+)$/m.exec(await metrics())?.[1]);
      if (gauge !== 0) complaints.push(`${gauge} calls are said to be in progress`);
    }
    const besides = { slowest_ms: percentile(times, 1), ...Object.fromEntries(outcomes) };
    return { operations: total, faults: total, figure: left, bound: 0, complaints, besides };
  },
};
