/**
 * The tables whose changes are logged, each with three SQL expressions on a row `r`: the kind of the row's aggregate, the id of the aggregate,
 * and the key of the row in the change log. A fifth element, if any, lists the columns that are computed from other columns, and a sixth those
 * whose changes alone are none.
 */
export const tracked: readonly (
  | readonly [table: string, kind: string, id: string, key: string]
  | readonly [table: string, kind: string, id: string, key: string, derived: string]
  | readonly [table: string, kind: string, id: string, key: string, derived: string, untracked: string]
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
  ["environment", "'kinds:organization'", "r.organization_id", "r.id", "{id,etag}"],
  ["environment_project", "'kinds:organization'", "r.organization_id", "concat_ws('/', r.environment_id, r.project_id)"],
  ["monitor", "'kinds:organization'", "r.organization_id", "r.id", "{id,etag}"],
  ["integration", "'kinds:shared'", "r.id", "r.id", "{id,etag}"],
  ["integration_organization", "'kinds:organization'", "r.organization_id", "concat_ws('/', r.integration_id, r.organization_id)"],
  ["organization_integration", "'kinds:organization'", "r.organization_id", "r.id", "{id,etag}"],
  ["external_issue", "'kinds:organization'", "r.organization_id", "r.id", "{id,etag}"],
  ["external_issue_group", "'kinds:organization'", "r.organization_id", "concat_ws('/', r.external_issue_id, r.group_id)"],
  ["groups", "'kinds:organization'", "r.organization_id", "r.id", "{id,etag}", "{times_seen,first_seen_time,last_seen_time}"],
  ["event_attachment", "'kinds:organization'", "r.organization_id", "r.id", "{id,etag}"],
  ["rule", "'kinds:organization'", "r.organization_id", "r.id", "{id,etag}"],
  ["alert_rule", "'kinds:organization'", "r.organization_id", "r.id", "{id,etag}"],
  ["alert_rule_project", "'kinds:organization'", "r.organization_id", "concat_ws('/', r.alert_rule_id, r.project_id)"],
  ["alert_rule_trigger", "'kinds:organization'", "r.organization_id", "r.id", "{id,etag}"],
  ["alert_rule_trigger_action", "'kinds:organization'", "r.organization_id", "r.id", "{id,etag}"],
  ["alert", "'kinds:organization'", "r.organization_id", "r.id", "{id,etag}"],
  ["alert_project", "'kinds:organization'", "r.organization_id", "concat_ws('/', r.alert_id, r.project_id)"],
  ["org_auth_token", "'kinds:organization'", "r.organization_id", "r.id", "{id,etag}", "{last_used_time}"],
  ["connection", "'kinds:profile'", "r.owner_profile_id", "r.id", "{id,etag}"],
  ["provider", "'kinds:profile'", "r.owner_profile_id", "r.id", "{id,etag}"],
  ["llm_client", "'kinds:profile'", "r.owner_profile_id", "r.id", "{id,etag}"],
  ["plugin", "'kinds:profile'", "r.owner_profile_id", "r.id", "{id,etag}"],
  ["prompt", "'kinds:profile'", "r.owner_profile_id", "r.id", "{id,etag}"],
  ["secret", "'kinds:profile'", "r.owner_profile_id", "r.id", "{id,etag}"],
  ["auth_token", "'kinds:profile'", "r.owner_profile_id", "r.id", "{id,etag}", "{last_used_time}"],
  ["vector_store", "'kinds:profile'", "r.owner_profile_id", "r.id", "{id,etag}"],
];

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** The SQL statements that create the triggers of each tracked table. */
export const trackedTables = tracked.map((row) => `select track_changes(${row.map(literal).join(", ")})`);
