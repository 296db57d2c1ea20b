import { sql } from "kysely";
import { expect } from "vitest";
import { constraintErrors } from "../../src/db/constraints.ts";
import { test } from "../support/database.ts";

/** Constraints that no request can violate, and why. */
const unreachable: Readonly<Record<string, string>> = {
  auth_identity_external_id_not_empty: "the proto's rule",
  auth_identity_pkey: "an identity",
  auth_provider_pkey: "an identity",
  auth_provider_provider_not_empty: "the proto's rule",
  authenticator_pkey: "an identity",
  authenticator_type_known: "the proto's enum",
  changes_pkey: "an identity",
  handle_pkey: "written with on conflict",
  idempotency_pkey: "written with on conflict",
  identity_external_id_not_empty: "the proto's rule",
  identity_pkey: "an identity",
  identity_provider_pkey: "an identity",
  identity_provider_type_not_empty: "the proto's rule",
  identity_status_known: "linking sets it, and the import checks it",
  option_revision_pkey: "an identity",
  option_revision_user_id_foreign: "a trigger of user_option writes it, which has the same key",
  password_reset_pkey: "an identity",
  password_reset_token_key: "a hash of 256 random bits",
  password_reset_user_id_foreign: "the user is locked in the same transaction",
  role_member_key: "written with on conflict",
  role_member_pkey: "an identity",
  role_member_role_id_foreign: "the roles are locked in the same transaction",
  role_name_not_empty: "the proto's rule",
  role_permission_key: "written as a set",
  role_permission_not_empty: "the proto's rule",
  role_permission_pkey: "an identity",
  role_permission_role_id_foreign: "the role is created or locked in the same transaction",
  role_pkey: "an identity",
  scope_option_key: "written with on conflict",
  scope_option_key_not_empty: "the proto's pattern",
  scope_option_pkey: "an identity",
  scope_option_scope: "the columns come from scopeOfTarget",
  subject_version_pkey: "written with on conflict",
  user_activity_pkey: "written with on conflict",
  user_activity_user_id_foreign: "the rows are selected from users",
  user_email_not_empty: "an empty address is not stored as a row",
  user_email_pkey: "an identity",
  user_email_verification_key: "a hash of 256 random bits",
  user_ip_key: "written with on conflict",
  user_ip_pkey: "an identity",
  user_ip_user_id_foreign: "the rows are selected from users",
  user_option_key: "written with on conflict",
  user_option_key_not_empty: "the proto's pattern",
  user_option_pkey: "an identity",
  user_option_scope: "the columns come from scopeOf",
  user_permission_key: "written with on conflict",
  user_permission_not_empty: "the proto's rule",
  user_permission_pkey: "an identity",
  user_search_pkey: "triggers write it with on conflict",
  user_search_user_id_foreign: "triggers of the user write it",
  userd_migrations_pkey: "an identity",
  users_avatar_type_known: "the proto's enum",
  users_purged_when_deleted: "both columns are written together",
  users_username_not_empty: "usernameOf refuses it",
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
