import { sql } from "kysely";
import { expect } from "vitest";
import { startPruner } from "../../src/changes/pruner.ts";
import type { Database } from "../../src/db/orm.ts";
import { silent, test } from "../support/database.ts";
import { addUser, feedAfter, sequencerOf, setOption } from "./feed-fixture.ts";

const prunerOf = (db: Database) =>
  startPruner(db, { feed: { retentionHours: 72, isChained: false, maxWatchers: 1 }, auditRetentionDays: 400 }, silent);

test("positions are pruned from the front, and none that was given within the time of retention", async ({ db }) => {
  const sequencer = sequencerOf(db);
  const user = await addUser(db);
  const { position: before } = await sequencer.run();
  for (const key of ["old", "kept", "late"]) await setOption(db, user, key);
  await sequencer.run();
  await sql`update feed set place_time = now() - interval '73 hours' where position in (${before + 1n}, ${before + 3n}) or position <= ${before}`.execute(
    db.sql,
  );
  await sql`insert into version_bump (xid, aggregate_kind, aggregate_id, version, bump_time) values ('9999999999', 'user', '1', 1, '2020-01-01')`.execute(
    db.sql,
  );
  await using pruner = prunerOf(db);
  await pruner.prune();
  // The last one is old, too, by the clock of whoever wrote it; it stands behind one that is kept.
  expect((await feedAfter(db, 0n)).map(({ key }) => key)).toEqual(["user_option:0/0/kept", "user_option:0/0/late"]);
  const { rows } = await sql`select from version_bump where xid = '9999999999'`.execute(db.sql);
  expect(rows, "a bump without a position is kept, however old it is").toHaveLength(1);
});

test("months of the log are dropped when they ended before the time of retention, and months to come are added", async ({ db }) => {
  await sql.raw(`create table userd_changes.m2024_01 (like changes including defaults)`).execute(db.sql);
  await sql.raw(`alter table userd_changes.m2024_01 add primary key (id, change_time)`).execute(db.sql);
  const months = async () =>
    (
      await sql<{ name: string }>`select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'changes'::regclass order by 1`.execute(db.sql)
    ).rows.map(({ name }) => name);
  const there = await months();
  expect(there).toContain("rest");
  expect(there.filter((name) => name.startsWith("m")).length).toBeGreaterThanOrEqual(3);
  const ofThisMonth = there[0] ?? "";
  await sql.raw(`alter table changes detach partition userd_changes.${ofThisMonth}`).execute(db.sql);
  await sql
    .raw(`alter table changes attach partition userd_changes.${ofThisMonth} for values from ('2024-02-01') to (
    '${there[1]?.replace(/m(\d{4})_(\d\d)/, "$1-$2-01")}')`)
    .execute(db.sql);
  await sql.raw(`alter table changes attach partition userd_changes.m2024_01 for values from (minvalue) to ('2024-02-01')`).execute(db.sql);
  await using pruner = prunerOf(db);
  expect((await pruner.prune()).months).toEqual(["m2024_01"]);
  expect(await months()).toEqual(there);
  await addUser(db);
});
