import { sql } from "kysely";
import { expect } from "vitest";
import { ownedTables } from "../../src/lifecycle/owned-tables.ts";
import { kinds } from "../../src/schema/entities.ts";
import { test } from "../support/database.ts";

/** Columns that name something purged, by which rows are found that have no foreign key. */
const named = { user_id: "users", organization_id: "organization", project_id: "project", team_id: "team", scope_id: "scope" };

/** Tables that src/kinds/remove.ts knows from the references of their kinds. */
const ofKinds = new Set(kinds.flatMap(({ table, links }) => [table, ...links.map((link) => link.table)]));

/** The audit trail tells what was there; the end of its retention removes it. */
const kept = "changes";

test("U40 every table that belongs to something that can be purged says how its rows go", async ({ db }) => {
  const { rows: all } = await sql<{ table: string; column: string; owner: string; cascades: boolean | null }>`
    select c.conrelid::regclass::text as table, a.attname as column, c.confrelid::regclass::text as owner, c.confdeltype = 'c' as cascades
    from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any(c.conkey)
    where c.contype = 'f' and c.confrelid::regclass::text = any(${Object.keys(ownedTables)}::text[])
    union all
    select i.table_name, i.column_name, n.owner, null
    from unnest(${Object.keys(named)}::text[], ${Object.values(named)}::text[]) as n (name, owner)
    join information_schema.columns i on i.column_name = n.name and i.table_schema = 'public'`.execute(db.sql);
  const rows = all.filter(({ table }) => table !== kept && !ofKinds.has(table));
  const declared = new Map<string, string>(
    Object.entries(ownedTables).flatMap(([owner, { tables }]) =>
      tables.map(({ table, column, goes }) => [`${owner}: ${table}.${column}`, goes] as const),
    ),
  );
  const found = new Map(rows.map(({ table, column, owner, cascades }) => [`${owner}: ${table}.${column}`, cascades]));
  const forgotten = [...found.keys()].filter((row) => !declared.has(row));
  expect(forgotten, "purges would fail, or leave these behind: list each in src/lifecycle/owned-tables.ts").toEqual([]);
  const unknown = [...declared.keys()].filter((row) => !found.has(row));
  expect(unknown, "the schema has no such column: take these out of src/lifecycle/owned-tables.ts").toEqual([]);
  const refusing = rows.filter(({ table, column, owner, cascades }) => {
    return cascades === false && declared.get(`${owner}: ${table}.${column}`) !== "deleted";
  });
  expect(refusing, 'their foreign keys do not cascade: src/lifecycle/owned-tables.ts has to say "deleted"').toEqual([]);
});
