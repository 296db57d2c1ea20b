import { sql } from "kysely";
import { expect } from "vitest";
import { test } from "../support/database.ts";

test("every table that can be observed has its triggers", async ({ db }) => {
  const { rows } = await sql<{ name: string; triggers: string[] }>`
    select c.relname as name, array_agg(t.tgname::text order by t.tgname) filter (where t.tgname is not null) as triggers
    from pg_class c left join pg_trigger t on t.tgrelid = c.oid and not t.tgisinternal
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' group by 1 order by 1`.execute(db.sql);
  expect(rows.filter(({ triggers }) => triggers === null).map(({ name }) => name)).toEqual([
    "handle",
    "idempotency",
    "subject_version",
    "user_activity",
    "userd_migrations",
  ]);
});

test("the entities and the migrations agree", async ({ db }) => {
  expect(await db.orm.schema.getUpdateSchemaSQL({ wrap: false })).toBe("");
});
