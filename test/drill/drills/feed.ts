import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { AuditOperation } from "../../../src/gen/userd/v1/audit_entry_pb.ts";
import type { Random } from "../../fuzz/random.ts";
import { createUsers } from "../../support/build.ts";
import { hasRedis } from "../../support/redis.ts";
import type { Drill } from "../drill.ts";
import { judge } from "../judge.ts";
import { startWatching, type Told, type Wish } from "../watchers.ts";
import { startWriters } from "../writers.ts";

/** Writers that go over several users in one transaction, by SQL, in which they wait for one another. */
const startTransactions = (databaseUrl: string, userIds: readonly bigint[], random: Random, count: number) => {
  let isStopped = false;
  const done = { commits: 0, deadlocks: 0 };
  const loop = async (index: number): Promise<void> => {
    const client = new pg.Client(databaseUrl);
    await client.connect();
    while (!isStopped) {
      try {
        await client.query("begin");
        for (let step = 0; step < 3; step += 1) {
          const userId = userIds[random.below(userIds.length)];
          await client.query(
            `insert into user_option (user_id, scope_kind, scope_id, key, value) values ($1, 0, 0, $2, to_jsonb($3::int))
              on conflict (user_id, scope_kind, scope_id, key) do update set value = excluded.value, version = user_option.version + 1`,
            [String(userId), `t${random.below(5)}`, done.commits],
          );
          await delay(random.below(15));
        }
        await client.query(random.chance(0.9) ? "commit" : "rollback");
        done.commits += 1;
      } catch (error) {
        if ((error as { code?: string }).code !== "40P01") throw error;
        done.deadlocks += 1;
        await client.query("rollback");
      }
      await delay(random.below(20) + index);
    }
    await client.end();
  };
  const running = Promise.all(Array.from({ length: count }, (_, index) => loop(index)));
  running.catch(() => {});
  return {
    done,
    stop: async () => {
      isStopped = true;
      await running;
    },
  };
};

const wishesOf = (users: readonly bigint[], total: number): readonly Wish[] => {
  const [one = 0n] = users;
  const aggregates = new Set(users.slice(0, 4).map((id) => `user/${id}`));
  const all: readonly Wish[] = [
    { filter: {}, matches: () => true },
    { filter: { userIds: [one] }, matches: ({ aggregate }) => aggregate === `user/${one}` },
    { filter: { userIds: users.slice(0, 4) }, matches: ({ aggregate }) => aggregates.has(aggregate) },
    { filter: { kinds: ["account"] }, matches: ({ kind }) => kind === "account" },
    { filter: { optionKeys: ["n"] }, matches: ({ kind, key }) => kind === "user_option" && key.endsWith("/n") },
    { filter: { operations: [AuditOperation.INSERT] }, matches: ({ operation }) => operation === "insert" },
    { filter: { aggregateKinds: ["user"] }, matches: ({ aggregate }) => aggregate.startsWith("user/") },
  ];
  return Array.from({ length: total }, (_, index): Wish => {
    const id = users[index % users.length] ?? 0n;
    return (
      all[index] ?? {
        filter: { userIds: [id], kinds: ["user_option"] },
        matches: (told) => told.kind === "user_option" && told.aggregate === `user/${id}`,
      }
    );
  });
};

/** Holds the feed against the log: each row behind the start has one position, positions have no gaps, and versions of an aggregate rise with them. */
const judgeFeed = async (databaseUrl: string, after: bigint) => {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string; aggregate: string; kind: string; key: string; operation: string; places: number }>(
      `select c.id, c.aggregate_kind || '/' || c.aggregate_id as aggregate, c.kind, c.key, c.operation,
          (select count(*)::int from feed f where f.change_id = c.id) as places
        from changes c where c.id > $1 order by c.id`,
      [String(after)],
    );
    const { rows: faults } = await client.query<{ fault: string }>(
      `select 'positions have a gap at ' || position as fault
          from (select position, lag(position) over (order by position) as before from feed) f where position <> before + 1
        union all
        select aggregate_kind || '/' || aggregate_id || ' falls to ' || version || ' at ' || position
          from (select *, lag(version) over (partition by aggregate_kind, aggregate_id order by position) as before from feed) f where version < before`,
    );
    const told = rows.map(({ id, places: _, ...row }): Told => ({ id: BigInt(id), ...row }));
    const misplaced = rows.filter(({ places }) => places !== 1).map(({ id, places }) => `change ${id} has ${places} positions`);
    return { told, complaints: [...misplaced, ...faults.map(({ fault }) => fault)], misplaced: misplaced.length + faults.length };
  } finally {
    await client.end();
  }
};

/** Watchers of three services miss nothing while services and watchers are killed. */
export const feed: Drill = {
  rows: [33],
  name: "feed",
  about:
    "20 watchers with different filters over three services, 8 writers, kill -9 of both, Redis flushed; counts changes that a watcher missed",
  isInShort: true,
  lacks: () => (hasRedis ? undefined : "redis-server"),
  run: async ({ fleet, of, random }) => {
    const running = await fleet({ withRedis: true });
    const { members, databaseUrl, redis } = running;
    const alive = () => members.map((member) => member.clients()).filter((clients) => clients !== undefined);
    const [first] = alive();
    if (first === undefined) throw new Error("The fleet has not started.");
    const users = (await createUsers(first, 8)).map(({ id }) => id);
    const { head } = await first.changes.getFeedPosition({});
    const client = new pg.Client(databaseUrl);
    await client.connect();
    const { rows: last } = await client.query<{ id: string }>("select max(id) as id from changes");
    await client.end();
    const watchers = wishesOf(users, of(8, 20)).map((wish) => startWatching(alive, wish, head, random));
    const writers = await startWriters(running, random, 5);
    const transactions = startTransactions(databaseUrl, users, random, 3);
    let faults = 0;
    const until = performance.now() + of(8_000, 300_000);
    while (performance.now() < until) {
      await delay(of(700, 1_500) + random.below(1_000));
      faults += 1;
      const choice = random.below(4);
      if (choice === 0) await random.pick([...members] as [(typeof members)[number], ...typeof members]).replace();
      else if (choice === 1) await redis?.flush();
      else for (const watcher of watchers) if (random.chance(0.3)) watcher.kill();
    }
    await transactions.stop();
    const written = await writers.stop();
    const after = BigInt(last[0]?.id ?? 0);
    // Everything has its position by the answer.
    await Promise.all(alive().map((clients) => clients.changes.getFeedPosition({})));
    const { told, complaints, misplaced } = await judgeFeed(databaseUrl, after);
    let missed = 0;
    let expected = 0;
    for (const { wish, received, reach } of watchers) {
      const wanted = told.filter(wish.matches);
      expected += wanted.length;
      await reach((all) => wanted.every(({ id }) => all.has(id)));
      const missing = wanted.filter(({ id }) => !received.has(id));
      missed += missing.length;
      if (missing.length > 0)
        complaints.push(
          `the watcher of ${JSON.stringify(wish.filter, (_, one) => (typeof one === "bigint" ? String(one) : one))} missed ${missing.length} of ${wanted.length}`,
        );
    }
    for (const watcher of watchers) await watcher.stop();
    complaints.push(...watchers.flatMap((watcher) => watcher.complaints), ...written.complaints);
    const { lost, doubled } = await judge(databaseUrl, written, writers.prefix);
    return {
      operations: expected,
      faults,
      figure: missed + misplaced + lost + doubled,
      bound: 0,
      complaints,
      besides: {
        changes: told.length,
        commits: transactions.done.commits,
        deadlocks: transactions.done.deadlocks,
        streams: watchers.reduce((sum, { opened }) => sum + opened(), 0),
        writes: written.acknowledged,
      },
    };
  },
};
