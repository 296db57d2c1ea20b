import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import type { Random } from "../fuzz/random.ts";
import { createMoments, type Moments, machineTime } from "./moments.ts";

/** A transaction that was committed, under the request id that its entries in the log have. */
export type Committed = { readonly requestId: string; readonly changes: readonly { readonly userId: bigint; readonly key: string }[] };

/** Writers that go over several users in one transaction, by SQL, in which they wait for one another. */
export type Transactions = {
  readonly done: { commits: number; rollbacks: number; deadlocks: number };
  readonly committed: readonly Committed[];
  /** The request ids of transactions that came to nothing. */
  readonly undone: ReadonlySet<string>;
  /** The options that they write: every key of every user. */
  readonly options: readonly { readonly userId: bigint; readonly key: string; readonly moments: Moments }[];
  readonly stop: () => Promise<void>;
};

/** The writes of a transaction. */
const STEPS = 3;

/** Adds one to an option, which begins at 1. Its row is locked until the commit, so that no two transactions make one value. */
const increment = `
  insert into user_option (user_id, scope_kind, scope_id, key, value) values ($1, 0, 0, $2, to_jsonb(1))
  on conflict (user_id, scope_kind, scope_id, key) do update
    set value = to_jsonb((user_option.value #>> '{}')::int + 1), version = user_option.version + 1
  returning (value #>> '{}')::int as value`;

/** Starts so many of them. `pauseMs` says how long each waits after a transaction. */
export const startTransactions = (
  databaseUrl: string,
  userIds: readonly bigint[],
  random: Random,
  { writers, keys, pauseMs }: { readonly writers: number; readonly keys: number; readonly pauseMs: () => number },
): Transactions => {
  let isStopped = false;
  const done = { commits: 0, rollbacks: 0, deadlocks: 0 };
  const committed: Committed[] = [];
  const undone = new Set<string>();
  const names = Array.from({ length: keys }, (_, index) => `t${index}`);
  const options = userIds.flatMap((userId) => names.map((key) => ({ userId, key, moments: createMoments() })));

  const transact = async (client: pg.Client): Promise<void> => {
    const requestId = randomUUID();
    const chosen = new Set<(typeof options)[number]>();
    while (chosen.size < STEPS) chosen.add(random.pick(options as [(typeof options)[number]]));
    const written: { readonly moments: Moments; readonly value: number; readonly begun: number }[] = [];
    try {
      await client.query("begin");
      await client.query("select set_config('userd.request_id', $1, true)", [requestId]);
      for (const { userId, key, moments } of chosen) {
        const begun = machineTime();
        const { rows } = await client.query<{ value: number }>(increment, [String(userId), key]);
        written.push({ moments, value: rows[0]?.value ?? 0, begun });
        await delay(random.below(15));
      }
      if (random.chance(0.1)) {
        undone.add(requestId);
        await client.query("rollback");
        done.rollbacks += 1;
        return;
      }
      for (const { moments, value, begun } of written) moments.begun[value - 1] = begun;
      await client.query("commit");
      const now = machineTime();
      for (const { moments, value } of written) moments.acknowledged[value - 1] = now;
      committed.push({ requestId, changes: [...chosen].map(({ userId, key }) => ({ userId, key })) });
      done.commits += 1;
    } catch (error) {
      if ((error as { code?: string }).code !== "40P01") throw error;
      undone.add(requestId);
      done.deadlocks += 1;
      await client.query("rollback");
    }
  };
  const loop = async (): Promise<void> => {
    const client = new pg.Client(databaseUrl);
    await client.connect();
    while (!isStopped) {
      await transact(client);
      await delay(pauseMs());
    }
    await client.end();
  };
  const running = Promise.all(Array.from({ length: writers }, loop));
  // What goes wrong is thrown by `stop`.
  running.catch(() => {});
  return {
    done,
    committed,
    undone,
    options,
    stop: async () => {
      isStopped = true;
      await running;
    },
  };
};
