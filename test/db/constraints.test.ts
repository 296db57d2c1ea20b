import { sql } from "kysely";
import { expect } from "vitest";
import { constraintErrors } from "../../src/db/constraints.ts";
import { test } from "../support/database.ts";

/** Constraints that no request can violate, and why. */
const unreachable: Readonly<Record<string, string>> = {
  changes_pkey: "an identity",
  handle_pkey: "written with on conflict",
  idempotency_pkey: "written with on conflict",
  subject_version_pkey: "written with on conflict",
  user_activity_pkey: "no RPC writes the table yet",
  user_activity_user_id_foreign: "no RPC writes the table yet",
  user_email_pkey: "an identity",
  user_email_user_id_foreign: "the user is created or locked in the same transaction",
  user_email_not_empty: "an empty address is not stored as a row",
  user_option_pkey: "an identity",
  user_option_key: "written with on conflict",
  user_option_scope: "the columns come from scopeOf",
  user_option_key_not_empty: "the proto's pattern",
  userd_migrations_pkey: "an identity",
  users_pkey: "an identity",
  users_username_not_empty: "usernameOf refuses it",
  users_avatar_type_known: "no RPC writes the column yet",
};

test("every constraint means an error of the API, or can't be violated for a reason", async ({ db }) => {
  const { rows } = await sql<{ name: string }>`
    select conname as name from pg_constraint where connamespace = 'public'::regnamespace and contype in ('p', 'u', 'f', 'c', 'x')
    union
    select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
      where i.indisunique and c.relnamespace = 'public'::regnamespace
    order by 1`.execute(db.sql);
  const known = [...Object.keys(constraintErrors), ...Object.keys(unreachable)];
  expect(known.toSorted()).toEqual(rows.map(({ name }) => name).toSorted());
  expect(new Set(known).size).toBe(known.length);
});
