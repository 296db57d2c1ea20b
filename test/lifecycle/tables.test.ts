import { sql } from "kysely";
import { expect } from "vitest";
import { OWNER_PROFILE_ID } from "../../src/contract/kinds/kind.ts";
import { ownedTables } from "../../src/lifecycle/owned-tables.ts";
import { lifeOf, tables } from "../../src/lifecycle/tables.ts";
import { kinds } from "../../src/schema/entities.ts";
import { test } from "../support/database.ts";

test("every table says what a merge, an erasure and an export do with its rows, by columns that it has", async ({ db }) => {
  const { rows } = await sql<{ table: string; columns: string[] }>`
    select c.relname as table, array_agg(a.attname::text) as columns from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> 'userd_migrations' and not a.attisdropped group by 1`.execute(
    db.sql,
  );
  const silent = rows.filter(({ table }) => lifeOf(kinds, table) === undefined).map(({ table }) => table);
  expect(silent, "give the table its line in src/lifecycle/tables.ts").toEqual([]);
  const unknown = rows.flatMap(({ table, columns }) => {
    const { merge, secrets = [] } = lifeOf(kinds, table) ?? { merge: { as: "none" as const } };
    const named =
      merge.as === "rows"
        ? [...merge.key, ...merge.values, ...(merge.newest ? [merge.newest] : []), ...Object.keys(merge.joins ?? {})]
        : [];
    return [...named, ...secrets].filter((column) => !columns.includes(column)).map((column) => `${table}.${column}`);
  });
  expect(unknown, "the table has no such column").toEqual([]);
});

test("what names a row in a merge is what the database holds to be unique", async ({ db }) => {
  const { rows } = await sql<{ table: string; columns: string[] }>`
    select i.indrelid::regclass::text as table, array(
      select attname::text from pg_attribute a where a.attrelid = i.indrelid and a.attnum = any(i.indkey) order by 1) as columns
    from pg_index i where i.indisunique and i.indpred is null`.execute(db.sql);
  const uniques = new Set(rows.map(({ table, columns }) => `${table}: ${columns.toSorted()}`));
  const names = [...Object.keys(tables), ...kinds.map(({ table }) => table)];
  const wrong = names.flatMap((table) => {
    const rule = lifeOf(kinds, table)?.merge;
    if (rule?.as !== "rows") return [];
    const isOfProfile = table === "resource" || kinds.some((kind) => kind.table === table);
    const line = `${table}: ${[isOfProfile ? OWNER_PROFILE_ID : "user_id", ...rule.key].toSorted()}`;
    return uniques.has(line) ? [] : [line];
  });
  expect(wrong, "a merge would collide with the constraint of the table").toEqual([]);
});

test("U40 what an erasure removes is what a purge of a user removes", () => {
  const removed = Object.entries(tables).flatMap(([table, { erase }]) => (erase === "removed" ? [table] : []));
  const { users, user_profile, user_merge, organization_member } = ownedTables;
  const purged = [users, user_profile, user_merge, organization_member].flatMap((owner) => owner.tables.map(({ table }) => table));
  expect(removed.toSorted()).toEqual([...new Set(["users", ...purged])].toSorted());
});
