import { sql } from "kysely";
import { expect } from "vitest";
import { OWNER_PROFILE_ID } from "../../src/contract/kinds/kind.ts";
import { ownedTables } from "../../src/lifecycle/owned-tables.ts";
import { lifeOf, tables, userColumnsOf } from "../../src/lifecycle/tables.ts";
import { kinds } from "../../src/schema/entities.ts";
import { test } from "../support/database.ts";
import { keptIds, type TableColumn, USER_COLUMNS } from "./user-columns.ts";

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

/** The columns that name a user of whom a merge and an erasure do not treat the row as the user's, and why. */
const others: Readonly<Record<string, string>> = {
  ...keptIds,
  "user_merge.user_id": "tells of a merge; goes with the user, and only one that is undone can be followed by another",
  "user_merge.target_user_id": "tells of a merge; goes with its source, which goes with the target",
  "user_hold.user_id": "a user that is held is refused, and goes when the hold has ended",
  "users.merged_into_user_id": "MergeUsers sets it, and a purge takes along whom it finds by it",
};

test("U42 every column that names a user is treated by a merge and by an erasure, or says why not", async ({ db }) => {
  const { rows } = await sql.raw<TableColumn>(USER_COLUMNS).execute(db.sql);
  const isTreated = ({ table, column }: TableColumn): boolean => {
    const life = lifeOf(kinds, table);
    if (life === undefined || life.merge.as === "none" || life.erase === "left") return false;
    const kind = kinds.find((one) => one.table === table);
    // What profiles own is found by its profile, and records of large kinds are too many to be looked for.
    if (kind !== undefined) return !kind.isLarge && kind.belongsTo?.to !== "profile" && userColumnsOf(kind).includes(column);
    return column === "user_id";
  };
  const names = rows.filter((row) => !isTreated(row)).map(({ table, column }) => `${table}.${column}`);
  expect(rows.length).toBeGreaterThan(20);
  expect(names.toSorted(), "a merge leaves the column, or an erasure does: treat it in src/lifecycle, or say here why not").toEqual(
    Object.keys(others).toSorted(),
  );
});
