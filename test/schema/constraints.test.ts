import { sql } from "kysely";
import { expect } from "vitest";
import { choiceConstraint } from "../../src/schema/kind.entity.ts";
import { builtin } from "../../src/schema/kind-set.ts";
import { test } from "../support/database.ts";

const { kinds } = builtin;

/** Constraints that no request can violate, and why. */
const unreachable: Readonly<Record<string, string>> = {
  account_contact_not_empty: "the proto's rule",
  account_contact_pkey: "an identity",
  account_contact_user_id_foreign: "the user is locked in the same transaction",
  account_number_form: "the proto's pattern",
  account_pkey: "an identity",
  audit_chain_pkey: "the sequencer numbers positions, under the lock of the head",
  auth_identity_external_id_not_empty: "the proto's rule",
  auth_identity_pkey: "an identity",
  auth_provider_pkey: "an identity",
  auth_provider_provider_not_empty: "the proto's rule",
  authenticator_pkey: "an identity",
  authenticator_type_known: "the proto's enum",
  changes_pkey: "an identity",
  feed_change_index: "the sequencer places each change once, under the lock of the head",
  feed_head_pkey: "the migration inserts the only row, which passes move",
  feed_pkey: "the sequencer numbers positions, under the lock of the head",
  purged_scope_key: "written with on conflict",
  purged_scope_pkey: "an identity",
  purged_scope_scope: "the columns come from what is purged",
  canonical_name_pkey: "written with on conflict",
  name_version_pkey: "written with on conflict",
  idempotency_pkey: "written with on conflict",
  identity_external_id_not_empty: "the proto's rule",
  identity_pkey: "an identity",
  identity_provider_pkey: "an identity",
  identity_provider_type_not_empty: "the proto's rule",
  identity_status_known: "linking sets it, and the import checks it",
  import_origin_pkey: "written with on conflict",
  erasure_pkey: "an identity",
  merge_discard_merge_id_foreign: "the merge is written in the same transaction",
  merge_discard_pkey: "an identity",
  merge_move_merge_id_foreign: "the merge is written in the same transaction",
  merge_move_pkey: "an identity",
  merge_part_merge_id_foreign: "the merge is written in the same transaction",
  merge_part_pkey: "an identity",
  user_hold_pkey: "an identity",
  user_hold_reason_not_empty: "an empty reason removes the hold",
  user_hold_user_key: "written with on conflict",
  user_merge_pkey: "an identity",
  user_merge_user_key: "a merged user is refused, under the lock of the user",
  option_revision_pkey: "an identity",
  parted_history_pkey: "written with on conflict",
  parted_history_user_id_foreign: "the user has had the option until now",
  auth_token_token_key: "a hash of 256 random bits",
  org_auth_token_token_key: "a hash of 256 random bits; imports skip what has one that is here",
  organization_member_invitations_expire: "the columns are written together",
  organization_member_kind: "the columns are written together",
  organization_member_organization_id_foreign: "the organization is locked in the same transaction",
  organization_member_pkey: "an identity",
  organization_member_role_known: "the proto's enum",
  organization_member_user_id_foreign: "the user is locked in the same transaction",
  organization_not_empty: "the proto's rules",
  organization_pkey: "an identity",
  organization_purged_when_deleted: "both columns are written together",
  organization_status_known: "the proto's enum",
  password_reset_pkey: "an identity",
  password_reset_token_key: "a hash of 256 random bits",
  password_reset_user_id_foreign: "the user is locked in the same transaction",
  project_not_empty: "the proto's rules",
  project_organization_id_foreign: "the organization is locked in the same transaction",
  project_pkey: "an identity",
  project_purged_when_deleted: "both columns are written together",
  project_status_known: "the proto's enum",
  project_team_key: "written with on conflict",
  project_team_pkey: "an identity",
  project_team_project_id_foreign: "the project is locked in the same transaction",
  project_team_team_id_foreign: "the organization of the team is locked in the same transaction",
  resource_account_id_foreign: "the account of the owner",
  resource_not_empty: "the proto's rules",
  resource_pkey: "an identity",
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
  aggregate_version_pkey: "written with on conflict",
  team_member_key: "written with on conflict",
  team_member_member_id_foreign: "the organization of the member is locked in the same transaction",
  team_member_role_known: "the proto's enum",
  team_member_pkey: "an identity",
  team_member_team_id_foreign: "the organization of the team is locked in the same transaction",
  team_not_empty: "the proto's rules",
  team_organization_id_foreign: "the organization is locked in the same transaction",
  team_pkey: "an identity",
  team_purged_when_deleted: "both columns are written together",
  team_status_known: "the proto's enum",
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
  user_profile_pkey: "an identity",
  user_search_pkey: "triggers write it with on conflict",
  userd_migrations_pkey: "an identity",
  users_avatar_type_known: "the proto's enum",
  users_external_id_not_empty: "empty is stored as null",
  users_purged_when_deleted: "both columns are written together",
  users_username_not_empty: "usernameOf refuses it",
  version_bump_pkey: "an identity",
};

/** Two fields of a choice with a value, and a link to an organization that is purged meanwhile. */
const reachableOfKinds = new Set([
  ...kinds.flatMap(({ table, choices }) => choices.map((choice) => choiceConstraint(table, choice))),
  ...kinds.flatMap(({ sharedBy }) => (sharedBy === undefined ? [] : [`${sharedBy}_organization_id_foreign`])),
]);

/** The same of kinds: identities, checks of what the proto's rules refuse, and what links hold of their own resource. */
const unreachableOfKinds = [
  ...[...builtin.tables].flatMap(([, { meta }]) => [`${meta.tableName}_pkey`, ...meta.checks.map(({ name }) => name ?? "")]),
  ...kinds.flatMap(({ name, links }) =>
    links.flatMap(({ table }) => [`${table}_key`, `${table}_${name}_id_foreign`, `${table}_organization_id_foreign`]),
  ),
].filter((constraint) => !reachableOfKinds.has(constraint));

test("every constraint means an error of the API, or can't be violated for a reason", async ({ db }) => {
  const { rows } = await sql<{ name: string }>`
    select conname as name from pg_constraint where connamespace = 'public'::regnamespace and contype in ('p', 'u', 'f', 'c', 'x')
    union
    select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
      where i.indisunique and c.relnamespace = 'public'::regnamespace
    order by 1`.execute(db.sql);
  const names = new Set(rows.map(({ name }) => name));
  const known = [...Object.keys(builtin.errors), ...Object.keys(unreachable), ...unreachableOfKinds];
  expect(
    [...names].filter((name) => !known.includes(name)),
    "give the constraint its error in src/schema/constraints.ts, or say in `unreachable` here why no request can violate it",
  ).toEqual([]);
  expect(
    known.filter((name) => !names.has(name)),
    "no such constraint: take it out of src/schema/constraints.ts, or of `unreachable` here",
  ).toEqual([]);
  expect(new Set(known).size, "a constraint stands in one of the two lists").toBe(known.length);
});
