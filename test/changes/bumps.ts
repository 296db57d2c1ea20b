import { sql } from "kysely";
import { expect } from "vitest";
import type { Database } from "../../src/db/orm.ts";

/** Fails unless each version of an aggregate or name, from 1 on, stands in the change log or in version_bump, and none in both. */
export const expectEachBumpOnce = async (db: Database): Promise<void> => {
  const untold = await sql<{ name: string }>`
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
  expect(untold.rows.map(({ name }) => name)).toEqual([]);
  const twice = await sql`
    select b.aggregate_kind, b.aggregate_id from version_bump b join changes c
      on c.aggregate_kind = b.aggregate_kind and c.aggregate_id::text = b.aggregate_id and c.version = b.version
    where b.aggregate_kind <> 'account'`.execute(db.sql);
  expect(twice.rows, "a function that raises versions and writes to the change log sets told_xid").toEqual([]);
};

/** Fails unless all that the change log and version_bump tell has one position in the feed; waits for no pass. */
export const expectAllPlaced = async (db: Database): Promise<void> => {
  const { rows } = await sql`
    with told as (
      select aggregate_kind as kind, aggregate_id::text as id, version, count(*) as entries from (
        select aggregate_kind, aggregate_id::text, version from changes
        union all
        select aggregate_kind, aggregate_id, version from version_bump) t
      group by 1, 2, 3
    ), placed as (select aggregate_kind as kind, aggregate_id as id, version, count(*) as entries from feed group by 1, 2, 3)
    select * from told t full join placed p using (kind, id, version) where t.entries is distinct from p.entries`.execute(db.sql);
  expect(rows).toEqual([]);
};
