import { sql, type Transaction } from "kysely";
import { expect } from "vitest";
import { openDatabase } from "../../src/db/orm.ts";
import type { Schema } from "../../src/schema/entities.ts";
import { unique } from "../support/build.ts";
import { test as base, cloneDatabase, silent } from "../support/database.ts";
import { addUser, feedAfter, sequencerOf, setOption } from "./feed-fixture.ts";

const test = base.extend("db", async ({}, { onCleanup }) => {
  const { url, [Symbol.asyncDispose]: drop } = await cloneDatabase();
  const db = await openDatabase({ database: { kind: "postgres", url }, poolSize: 10 }, silent);
  onCleanup(async () => {
    await db[Symbol.asyncDispose]();
    await drop();
  });
  return { ...db, secretKey: new Uint8Array(32) };
});

/** A transaction that stays open until told to commit. */
const openTransaction = async (
  db: { readonly sql: { transaction: () => { execute: (body: (tx: Transaction<Schema>) => Promise<void>) => Promise<void> } } },
  body: (tx: Transaction<Schema>) => Promise<unknown>,
) => {
  const [begun, commit] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const done = db.sql.transaction().execute(async (tx) => {
    await body(tx);
    begun.resolve();
    await commit.promise;
  });
  await Promise.race([begun.promise, done]);
  return {
    commit: () => {
      commit.resolve();
      return done;
    },
  };
};

test("a pass gives positions to what was committed, and one with nothing to do writes nothing", async ({ db }) => {
  const sequencer = sequencerOf(db);
  const { position: before } = await sequencer.run();
  const user = await addUser(db);
  await setOption(db, user, "a");
  const { position } = await sequencer.run();
  expect(await feedAfter(db, before)).toEqual([
    { position: before + 1n, aggregate: `user/${user}`, version: 1n, key: `users:${user}` },
    { position: before + 2n, aggregate: `user/${user}`, version: 2n, key: "user_option:0/0/a" },
  ]);
  expect(position).toBe(before + 2n);
  const rowOfHead = async () => (await sql`select xmin::text, h::text from feed_head h`.execute(db.sql)).rows;
  const head = await rowOfHead();
  const first = await sequencer.run();
  const second = await sequencer.run();
  expect(second.time).toBeGreaterThan(first.time ?? Infinity);
  expect(await rowOfHead()).toEqual(head);
});

test("a process that hears of a commit elsewhere looks at once, not at the end of its interval", async ({ db }) => {
  const [here, elsewhere] = [sequencerOf(db), sequencerOf(db)];
  here.start();
  await expect.poll(() => here.state()).toBeDefined();
  await addUser(db);
  const { position } = await elsewhere.run();
  expect(here.state()?.position).toBeLessThan(position);
  here.heard();
  await expect.poll(() => here.state()?.position).toBe(position);
  await here.stop();
});

test("a transaction that stays open is not skipped, and holds up nobody", async ({ db }) => {
  const sequencer = sequencerOf(db);
  const [early, late] = [await addUser(db), await addUser(db)];
  const { position: before } = await sequencer.run();
  const open = await openTransaction(db, (tx) => setOption({ sql: tx }, early, "early"));
  for (let round = 0; round < 20; round += 1) {
    await setOption(db, late, `k${round}`);
    await sequencer.run();
  }
  expect(await feedAfter(db, before)).toHaveLength(20);
  const { rows: plan } = await sql<{ "QUERY PLAN": string }>`
    explain (analyze, costs off, timing off, summary off) select from changes
    where xid >= (select pg_snapshot_xmax(snapshot) from feed_head) and xid < pg_snapshot_xmax(pg_current_snapshot())`.execute(db.sql);
  expect(plan.map((line) => line["QUERY PLAN"]).join("\n")).not.toMatch(/Seq Scan on m\d/);
  await open.commit();
  await sequencer.run();
  const rows = await feedAfter(db, before);
  expect(rows.at(-1)).toMatchObject({ aggregate: `user/${early}`, key: "user_option:0/0/early" });
  expect(rows).toHaveLength(21);
});

test("a pass reads no more of the head while a transaction stays open, though PostgreSQL keeps all that it was", async () => {
  await using database = await cloneDatabase();
  // One connection, which tells its counters when asked.
  await using db = await openDatabase({ database: { kind: "postgres", url: database.url }, poolSize: 1 }, silent);
  await using others = await openDatabase({ database: { kind: "postgres", url: database.url }, poolSize: 2 }, silent);
  const sequencer = sequencerOf(db);
  const [early, late] = [await addUser(others), await addUser(others)];
  await sequencer.run();
  const blocks = async (): Promise<number> => {
    await sql`select pg_stat_force_next_flush()`.execute(db.sql);
    const { rows } = await sql<{ blocks: number }>`
      select (heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit)::int as blocks from pg_statio_user_tables where relname = 'feed_head'`.execute(
      db.sql,
    );
    return rows[0]?.blocks ?? 0;
  };
  const ofPass = async (key: string): Promise<number> => {
    await setOption(others, late, key);
    const before = await blocks();
    await sequencer.run();
    return (await blocks()) - before;
  };
  const open = await openTransaction(others, (tx) => setOption({ sql: tx }, early, "early"));
  const first = await ofPass("first");
  expect(first).toBeGreaterThan(0);
  await sql`do $$ begin for n in 1 .. 3000 loop update feed_head set position = position + 1; end loop; end $$`.execute(others.sql);
  expect(await ofPass("last")).toBeLessThan(first + 30);
  await open.commit();
});

test("positions follow versions where a transaction with a lower id has waited for one with a higher id", async ({ db }) => {
  const sequencer = sequencerOf(db);
  const [one, other] = [await addUser(db), await addUser(db)];
  const { position: before } = await sequencer.run();
  const first = await openTransaction(db, (tx) => setOption({ sql: tx }, one, "first"));
  const second = await openTransaction(db, (tx) => setOption({ sql: tx }, other, "second"));
  await second.commit();
  await first.commit();
  // The first one, with the lower id, goes on to the other's aggregate in one more transaction of the same kind.
  const waiting = await openTransaction(db, (tx) => setOption({ sql: tx }, one, "waits"));
  await setOption(db, other, "k");
  await waiting.commit();
  const crossing = await openTransaction(db, async (tx) => {
    await setOption({ sql: tx }, one, "x");
    await setOption(db, other, "y");
    await setOption({ sql: tx }, other, "z");
  });
  await crossing.commit();
  await sequencer.run();
  const versions = new Map<string, bigint>();
  for (const { aggregate, version } of await feedAfter(db, before)) {
    expect(version).toBeGreaterThanOrEqual(versions.get(aggregate) ?? 0n);
    versions.set(aggregate, version);
  }
  expect(versions.get(`user/${other}`)).toBe(5n);
});

test("a batch that is given positions in parts skips nothing that is committed between them", async ({ db }) => {
  const small = sequencerOf(db, 7);
  const user = await addUser(db);
  const { position: before } = await small.run();
  const early = await addUser(db);
  const open = await openTransaction(db, (tx) => setOption({ sql: tx }, early, "with a lower id"));
  await db.sql.transaction().execute(async (tx) => {
    for (let count = 0; count < 40; count += 1) await setOption({ sql: tx }, user, `k${count}`);
  });
  const states: (number | undefined)[] = [];
  let committed: Promise<void> | undefined;
  small.onState(({ time }) => {
    states.push(time);
    committed ??= open.commit();
  });
  await small.run();
  await committed;
  await small.run();
  const keys = (await feedAfter(db, before)).map(({ key }) => key);
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys).toContain("user_option:0/0/with a lower id");
  expect(keys.filter((key) => key?.startsWith("user_option:0/0/k"))).toHaveLength(40);
  expect(states.slice(0, 6), "the parts of a batch vouch for no time: it shows what was committed before its first part").toEqual(
    Array(6).fill(undefined),
  );
  expect(states[6]).toBeTypeOf("number");
});

test("whoever does not get the head waits for the one who has it", async ({ db }) => {
  const sequencer = sequencerOf(db);
  const user = await addUser(db);
  const { position: before } = await sequencer.run();
  const holder = await openTransaction(db, (tx) => sql`select from feed_head for update`.execute(tx));
  await setOption(db, user, "a");
  const run = sequencer.run();
  expect(await Promise.race([run, new Promise((resolve) => setTimeout(resolve, 100, "waits"))])).toBe("waits");
  await holder.commit();
  expect((await run).position).toBe(before + 1n);
});

test("several sequencers at once give each change one position", async ({ db }) => {
  const sequencers = [sequencerOf(db, 5), sequencerOf(db, 5), sequencerOf(db, 5)];
  const users = await Promise.all(Array.from({ length: 6 }, () => addUser(db)));
  const { position: before } = await sequencerOf(db).run();
  await Promise.all([
    ...users.map(async (user) => {
      for (let round = 0; round < 15; round += 1) await setOption(db, user, "k", String(round));
    }),
    ...sequencers.map(async (one) => {
      for (let round = 0; round < 15; round += 1) await one.run();
    }),
  ]);
  await sequencerOf(db).run();
  const rows = await feedAfter(db, before);
  expect(rows).toHaveLength(90);
  expect(rows.map(({ position }) => position)).toEqual(rows.map((_, index) => before + BigInt(index) + 1n));
  const { rows: unplaced } = await sql`
    select from changes c where not exists (select from feed f where f.change_id = c.id) and c.id > (select min(change_id) from feed)`.execute(
    db.sql,
  );
  expect(unplaced).toHaveLength(0);
});

test("another epoch: what has no position gets one, once, and transactions of another cluster are forgotten", async ({ db }) => {
  const sequencer = sequencerOf(db);
  const user = await addUser(db);
  const { position: before, epoch } = await sequencer.run();
  await setOption(db, user, "before the restore");
  // As a dump of a cluster that had seen more transactions: its ids are from the future, and its head is of another epoch.
  await sql`update feed_head set epoch = 'another', snapshot = '900000:900000:'`.execute(db.sql);
  await sql`update aggregate_version set xid = '900000' where id = ${user}`.execute(db.sql);
  await setOption(db, user, "after the restore");
  const state = await sequencer.run();
  expect(state.epoch).toBe(epoch);
  await setOption(db, user, "later");
  await sequencer.run();
  expect((await feedAfter(db, before)).map(({ key }) => key)).toEqual([
    "user_option:0/0/before the restore",
    "user_option:0/0/after the restore",
    "user_option:0/0/later",
  ]);
  const { rows } = await sql`select from aggregate_version where xid >= '900000'`.execute(db.sql);
  expect(rows).toHaveLength(0);
});

const bumpName = (db: { readonly sql: Transaction<Schema> }) =>
  sql`insert into name_version (digest, version) values (${unique("d")}, 1)`.execute(db.sql);

test.for(["the change log", "the log of bumps"])(
  "the pass of a new epoch gives way to who has written to %s and goes on to the other",
  async (first, { db }) => {
    const user = await addUser(db);
    const sequencer = sequencerOf(db);
    await sequencer.run();
    await sql`update feed_head set epoch = 'another'`.execute(db.sql);
    const passed = Promise.withResolvers<unknown>();
    await db.sql.transaction().execute(async (tx) => {
      const steps = [() => setOption({ sql: tx }, user, "k"), () => bumpName({ sql: tx })];
      if (first !== "the change log") steps.reverse();
      await steps[0]?.();
      passed.resolve(sequencer.run());
      // Until the pass waits for this transaction.
      await expect
        .poll(async () => (await sql`select from pg_locks where not granted and locktype = 'relation'`.execute(db.sql)).rows.length)
        .toBeGreaterThan(0);
      await steps[1]?.();
    });
    const { epoch } = (await passed.promise) as { readonly epoch: string };
    expect(epoch).not.toBe("another");
    const { rows } = await sql`select f.aggregate_kind from feed f order by position desc limit 2`.execute(db.sql);
    expect(rows.map((row) => (row as { aggregate_kind: string }).aggregate_kind).sort()).toEqual(["canonical_name", "user"]);
  },
);

test("a database that nobody can write to tells the positions that there are, and vouches for nothing", async ({ db }) => {
  const sequencer = sequencerOf(db);
  const { position, epoch } = await sequencer.run();
  await addUser(db);
  await sql`create function refuse_as_standby() returns trigger language plpgsql as $$
    begin raise exception 'read only' using errcode = '25006'; end $$`.execute(db.sql);
  await sql`create trigger standby before insert on feed for each statement execute function refuse_as_standby()`.execute(db.sql);
  expect(await sequencer.run()).toEqual({ epoch, position, time: undefined });
  sequencer.told();
  expect(await sequencer.run()).toEqual({ epoch, position, time: undefined });
  await sql`drop trigger standby on feed`.execute(db.sql);
  expect((await sequencer.run()).position).toBeGreaterThan(position);
});
