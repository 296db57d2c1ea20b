import { sql } from "kysely";
import { expect } from "vitest";
import type { Database } from "../../src/db/orm.ts";
import { methods } from "../contract/methods.ts";
import { callRpc, test } from "../contract/world.ts";
import { addUser, feedAfter, sequencerOf, setOption } from "./feed-fixture.ts";

/** The versions of aggregates and names, of which each from 1 on has to stand in the feed or to be waiting for its position. */
const untoldVersions = async (db: Database): Promise<readonly string[]> => {
  const { rows } = await sql<{ name: string }>`
    with versions as (
      select kind, id::text as id, version from aggregate_version
      union all
      select 'canonical_name', digest, version from name_version
    ), told as (
      select aggregate_kind as kind, aggregate_id::text as id, version from changes
      union
      select aggregate_kind, aggregate_id, version from version_bump
    )
    select v.kind || '/' || v.id || ' at ' || n as name
    from versions v cross join lateral generate_series(1, v.version) n
    where not exists (select from told t where t.kind = v.kind and t.id = v.id and t.version = n) order by 1`.execute(db.sql);
  return rows.map(({ name }) => name);
};

test("every bump by every RPC that writes stands in the change log or in version_bump, and no bump in both", async ({
  world: { own, resources },
  db,
}) => {
  for (const { localName, ...method } of methods.filter((one) => resources[one.localName] !== undefined))
    await callRpc(own, { localName, ...method } as never, resources[localName] ?? {});
  expect(await untoldVersions(db)).toEqual([]);
  const { rows } = await sql`
    select b.aggregate_kind, b.aggregate_id from version_bump b join changes c
      on c.aggregate_kind = b.aggregate_kind and c.aggregate_id::text = b.aggregate_id and c.version = b.version
    where b.aggregate_kind <> 'account'`.execute(db.sql);
  expect(rows, "a function that raises versions and writes to the change log sets told_xid").toEqual([]);
});

test("whoever raises a version by SQL finds the bump in the feed", async ({ db }) => {
  const sequencer = sequencerOf(db);
  const user = await addUser(db);
  const { position } = await sequencer.run();
  await sql`update aggregate_version set version = version + 1 where kind = 'user' and id = ${user}`.execute(db.sql);
  await sql`update aggregate_version set version = version + 1, xid = pg_current_xact_id() where kind = 'user' and id = ${user}`.execute(
    db.sql,
  );
  await sql`insert into aggregate_version (kind, id, version, xid) values ('account', 987654321, 1, pg_current_xact_id())`.execute(db.sql);
  await sql`insert into name_version (digest, version) values ('e3c5c2f8', 1)`.execute(db.sql);
  await sql`update name_version set version = 2 where digest = 'e3c5c2f8'`.execute(db.sql);
  await setOption(db, user, "k");
  await sequencer.run();
  expect(
    (await feedAfter(db, position))
      .filter(
        ({ aggregate }) => aggregate === `user/${user}` || aggregate === "account/987654321" || aggregate.startsWith("canonical_name/"),
      )
      .map(({ aggregate, version, key }) => [aggregate, version, key]),
  ).toEqual([
    [`user/${user}`, 2n, null],
    [`user/${user}`, 3n, null],
    ["account/987654321", 1n, null],
    ["canonical_name/e3c5c2f8", 1n, null],
    ["canonical_name/e3c5c2f8", 2n, null],
    [`user/${user}`, 4n, "user_option:0/0/k"],
  ]);
});
