import { sql } from "kysely";
import { expect } from "vitest";
import { auditedFields } from "../../src/changes/audited.ts";
import { PROJECT, unqualified } from "../../src/contract/kinds/kind.ts";
import { test } from "../support/database.ts";

test("the log keeps the values of the fields that are declared for it, and of no other", async ({ db }) => {
  const rows = await db.session().rows(sql<{ name: string; text: string }>`
    select c.relname as name, p.prosrc as text
    from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_proc p on p.oid = t.tgfoid where t.tgname = c.relname || '_updated'`);
  const kept = rows.flatMap(({ name, text }) => {
    const columns = new Set(text.match(/(?<=jsonb_build_array\(o\.)\w+(?=, r\.)/g));
    return columns.size === 0 ? [] : [[name, [...columns].sort()]];
  });
  const declared = [...auditedFields(db.kinds)].flatMap(([table, fields]) =>
    fields.size === 0 ? [] : [[table, [...fields.keys()].sort()]],
  );
  expect(
    Object.fromEntries(kept),
    "select track_changes for the table in a migration, with its audit_value fields, as src/schema/migrations/audit/audited.ts does",
  ).toEqual(Object.fromEntries(declared));
  const ofProjects = db.kinds.kinds.filter(({ parent, isLarge }) => parent.reference?.to.name === PROJECT && !isLarge);
  const withProject = rows.filter(({ text }) => text.includes("project_id)")).map(({ name }) => name);
  expect(withProject).toEqual(expect.arrayContaining(ofProjects.map(({ table }) => unqualified(table))));
});
