/**
 * The tables whose rows can be observed: the kind of the aggregate that a row is part of, its id, and how the change log names the row.
 * Each is an expression on the row `r`. The last one, where it is there, names the columns that follow from others.
 */
export const tracked: readonly (
  | readonly [table: string, kind: string, id: string, key: string]
  | readonly [table: string, kind: string, id: string, key: string, derived: string]
)[] = [
  ["users", "'user'", "r.id", "r.id"],
  ["user_email", "'user'", "r.user_id", "r.id"],
  ["user_option", "'user'", "r.user_id", "concat_ws('/', r.scope_kind, r.scope_id, r.key)"],
  ["user_permission", "'user'", "r.user_id", "left(r.permission, 128)"],
  ["role", "'roles'", "0::bigint", "r.id"],
  ["role_permission", "'roles'", "0::bigint", "left(concat_ws('/', r.role_id, r.permission), 128)"],
  ["role_member", "'user'", "r.user_id", "r.role_id"],
  ["identity_provider", "'global'", "0::bigint", "r.id"],
  ["identity", "'user'", "r.user_id", "r.provider_id"],
  ["auth_provider", "'organization'", "r.organization_id", "r.id"],
  ["auth_identity", "'user'", "r.user_id", "r.provider_id"],
  ["authenticator", "'user'", "r.user_id", "r.type"],
  [
    "scope_option",
    "(array['global', 'organization', 'project'])[r.scope_kind + 1]",
    "r.scope_id",
    "concat_ws('/', r.scope_kind, r.scope_id, r.key)",
  ],
  ["organization", "'organization'", "r.id", "r.id"],
  ["project", "'project'", "r.id", "r.id"],
  ["team", "'organization'", "r.organization_id", "r.id"],
  ["organization_member", "'organization'", "r.organization_id", "r.id"],
  ["team_member", "'organization'", "r.organization_id", "concat_ws('/', r.team_id, r.member_id)"],
  ["project_team", "'project'", "r.project_id", "r.team_id"],
  ["purged_scope", "(array['organization', 'project'])[r.scope_kind]", "r.scope_id", "concat_ws('/', r.scope_kind, r.scope_id)"],
  ["account", "'account'", "r.id", "r.id"],
  ["account_contact", "'account'", "r.account_id", "r.id"],
  ["user_profile", "'user'", "r.user_id", "r.id"],
  ["resource", "'account'", "r.account_id", "r.id"],
  ["release", "'kinds:organization'", "r.organization_id", "r.id", "{id,etag}"],
  ["release_project", "'kinds:organization'", "r.organization_id", "concat_ws('/', r.release_id, r.project_id)"],
  ["release_file", "'kinds:organization'", "r.organization_id", "r.id", "{id,etag}"],
  ["deploy", "'kinds:organization'", "r.organization_id", "r.id", "{id,etag}"],
];

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Gives each tracked table its triggers. */
export const trackedTables = tracked.map((row) => `select track_changes(${row.map(literal).join(", ")})`);
