import { sql } from "kysely";
import { ScopeKind } from "../../options/scope.ts";
import type { SentryModel, SentryRow } from "./sentry-model.ts";
import { bits, isoTime, numberOf, optionText, plainJson, pythonList } from "./values.ts";

/** The users that a file has: neither deleted nor merged into others. */
const present = sql`select id from users where delete_time is null`;

const ofPresent = sql`x.user_id in (${present})`;

/** Sentry's names of userd's roles in organizations. */
const memberRoles = ["member", "admin", "manager", "owner"];

/** Sentry's numbers of the states of organizations: active, and hidden until a relocation is approved. */
const organizationStates = [0, 3];

/** The flag by which members may join teams by themselves; it has a column here. */
const ALLOW_JOINLEAVE = 1n;

const live = sql`x.delete_time is null`;
const inLiveOrganization = sql`x.organization_id in (select id from organization where delete_time is null)`;

const scopeOption = (model: string, kind: ScopeKind, field: string | undefined): SentryModel => ({
  model,
  table: "scope_option",
  columns: sql`x.scope_id, x.key, x.value::text as value, x.update_time`,
  where:
    field === undefined
      ? sql`x.scope_kind = ${sql.lit(kind)}`
      : sql`x.scope_kind = ${sql.lit(kind)} and x.scope_id in (select id from ${sql.table(field)} where delete_time is null)`,
  isNumbered: true,
  fields: ({ scope_id, key, value, update_time }) => ({
    ...(field === undefined ? { last_updated: isoTime(update_time) } : { [field]: numberOf(scope_id) }),
    key,
    value: optionText(value),
  }),
});

const named = ({ name, slug, create_time }: SentryRow) => ({ name, slug, date_added: isoTime(create_time) });

/** The models of users and organizations, each after what it refers to. */
export const people: readonly SentryModel[] = [
  scopeOption("sentry.option", ScopeKind.GLOBAL, undefined),
  {
    model: "sentry.organization",
    table: "organization",
    columns: sql`x.name, x.slug, x.status, x.create_time, x.flags, x.open_membership`,
    where: live,
    fields: (row) => ({
      ...named(row),
      status: organizationStates[Number(row["status"])],
      flags: bits(BigInt(String(row["flags"])) | (row["open_membership"] === true ? ALLOW_JOINLEAVE : 0n)),
    }),
  },
  {
    model: "sentry.user",
    table: "users",
    columns: sql`x.*, a.last_login, a.last_active`,
    joins: sql`left join user_activity a on a.user_id = x.id`,
    where: live,
    fields: (row, { withSecrets }) => ({
      ...Object.fromEntries(
        ["username", "name", "email", "is_staff", "is_superuser", "is_managed", "is_unclaimed"].map((name) => [name, row[name]]),
      ),
      // Sentry knows no suspended users.
      is_active: row["is_active"] === true && row["is_suspended"] !== true,
      ...{ is_password_expired: row["is_password_expired"], avatar_type: row["avatar_type"], avatar_url: row["avatar_url"] },
      is_sentry_app: row["is_app"] === true ? true : null,
      password: withSecrets ? row["password"] : "",
      session_nonce: withSecrets ? row["session_nonce"] : null,
      flags: bits(row["flags"]),
      ...{ last_password_change: isoTime(row["last_password_change"]), date_joined: isoTime(row["date_joined"]) },
      ...{ last_login: isoTime(row["last_login"]), last_active: isoTime(row["last_active"]) },
    }),
  },
  {
    model: "sentry.authenticator",
    table: "authenticator",
    columns: sql`x.user_id, x.type, x.config, x.create_time, x.last_used_time`,
    where: ofPresent,
    isSecret: true,
    fields: ({ user_id, type, config, create_time, last_used_time }, { vault }) => ({
      ...{ user: numberOf(user_id), type, created_at: isoTime(create_time), last_used_at: isoTime(last_used_time) },
      config: config instanceof Uint8Array ? vault.unlock(config) : null,
    }),
  },
  {
    model: "sentry.useremail",
    table: "user_email",
    columns: sql`x.user_id, x.email, x.is_verified, coalesce(x.verification_hash_time, x.date_added) as time`,
    where: ofPresent,
    fields: ({ user_id, email, is_verified, time }) => ({ user: numberOf(user_id), email, is_verified, date_hash_added: isoTime(time) }),
  },
  {
    model: "sentry.userip",
    table: "user_ip",
    columns: sql`x.user_id, x.ip, x.country_code, x.region_code, x.first_seen, x.last_seen`,
    where: ofPresent,
    fields: ({ user_id, ip, country_code, region_code, first_seen, last_seen }) => ({
      ...{ user: numberOf(user_id), ip_address: ip, country_code, region_code },
      ...{ first_seen: isoTime(first_seen), last_seen: isoTime(last_seen) },
    }),
  },
  {
    model: "sentry.userpermission",
    table: "user_permission",
    columns: sql`x.user_id, x.permission`,
    where: ofPresent,
    fields: ({ user_id, permission }) => ({ user: numberOf(user_id), permission }),
  },
  {
    model: "sentry.userrole",
    table: "role",
    columns: sql`x.name, x.create_time, x.update_time,
      array(select p.permission from role_permission p where p.role_id = x.id order by p.id)::text[] as permissions`,
    fields: ({ name, create_time, update_time, permissions }) => ({
      ...{ name, permissions: pythonList(permissions as string[]) },
      ...{ date_added: isoTime(create_time), date_updated: isoTime(update_time) },
    }),
  },
  {
    model: "sentry.userroleuser",
    table: "role_member",
    columns: sql`x.user_id, x.role_id, x.create_time`,
    where: ofPresent,
    fields: ({ user_id, role_id, create_time }) => ({
      ...{ user: numberOf(user_id), role: numberOf(role_id), date_added: isoTime(create_time) },
    }),
  },
  {
    model: "sentry.identityprovider",
    table: "identity_provider",
    columns: sql`x.type, x.external_id, x.config::text as config, x.create_time`,
    fields: ({ type, external_id, config, create_time }, { withSecrets }) => ({
      ...{ type, external_id, date_added: isoTime(create_time), config: withSecrets ? (plainJson(config) ?? {}) : {} },
    }),
  },
  {
    model: "sentry.identity",
    table: "identity",
    columns: sql`x.user_id, x.provider_id, x.external_id, x.data::text as data, x.create_time, x.verify_time, x.scopes, x.status`,
    where: ofPresent,
    fields: ({ user_id, provider_id, external_id, data, create_time, verify_time, scopes, status }, { withSecrets }) => ({
      ...{ user: numberOf(user_id), idp: numberOf(provider_id), external_id, data: withSecrets ? (plainJson(data) ?? {}) : {} },
      ...{ date_added: isoTime(create_time), date_verified: isoTime(verify_time), scopes: pythonList(scopes as string[]), status },
    }),
  },
  {
    model: "sentry.team",
    table: "team",
    columns: sql`x.organization_id, x.name, x.slug, x.create_time`,
    where: sql`${live} and ${inLiveOrganization}`,
    fields: (row) => ({ organization: numberOf(row["organization_id"]), ...named(row), status: 0 }),
  },
  {
    model: "sentry.organizationmember",
    table: "organization_member",
    columns: sql`x.organization_id, x.user_id, x.email, x.role, x.flags, x.create_time, x.invite_expire_time`,
    where: sql`${inLiveOrganization} and (x.user_id is null or ${ofPresent})`,
    fields: ({ organization_id, user_id, email, role, flags, create_time, invite_expire_time }) => ({
      ...{ organization: numberOf(organization_id), user_id: numberOf(user_id), email, role: memberRoles[Number(role)] },
      ...{ flags: bits(flags), date_added: isoTime(create_time), token_expires_at: isoTime(invite_expire_time), invite_status: 0 },
    }),
  },
  {
    model: "sentry.project",
    table: "project",
    columns: sql`x.organization_id, x.name, x.slug, x.status, x.create_time, x.flags`,
    where: sql`${live} and ${inLiveOrganization}`,
    fields: (row) => ({
      ...{ organization: numberOf(row["organization_id"]), ...named(row), status: row["status"], flags: bits(row["flags"]) },
    }),
  },
  {
    model: "sentry.projectteam",
    table: "project_team",
    columns: sql`x.project_id, x.team_id`,
    joins: sql`join project p on p.id = x.project_id and p.delete_time is null join team t on t.id = x.team_id and t.delete_time is null
      join organization o on o.id = p.organization_id and o.delete_time is null`,
    fields: ({ project_id, team_id }) => ({ project: numberOf(project_id), team: numberOf(team_id) }),
  },
  {
    model: "sentry.organizationmemberteam",
    table: "team_member",
    columns: sql`x.team_id, x.member_id, x.role`,
    joins: sql`join team t on t.id = x.team_id and t.delete_time is null join organization_member m on m.id = x.member_id
      join organization o on o.id = m.organization_id and o.delete_time is null`,
    where: sql`(m.user_id is null or m.user_id in (${present}))`,
    fields: ({ team_id, member_id, role }) => ({
      ...{ team: numberOf(team_id), organizationmember: numberOf(member_id), is_active: true, role: role === 1 ? "admin" : null },
    }),
  },
  {
    model: "sentry.authprovider",
    table: "auth_provider",
    columns: sql`x.organization_id, x.provider, x.config::text as config, x.create_time, x.default_role, x.default_global_access, x.flags`,
    where: inLiveOrganization,
    fields: ({ organization_id, provider, config, create_time, default_role, default_global_access, flags }, { withSecrets }) => ({
      ...{ organization_id: numberOf(organization_id), provider, config: withSecrets ? (plainJson(config) ?? {}) : {} },
      ...{ date_added: isoTime(create_time), default_role: default_role ?? 50, default_global_access, flags: bits(flags) },
    }),
  },
  {
    model: "sentry.authidentity",
    table: "auth_identity",
    columns: sql`x.user_id, x.provider_id, x.external_id, x.data::text as data, x.create_time, x.verify_time, x.sync_time`,
    joins: sql`join auth_provider p on p.id = x.provider_id join organization o on o.id = p.organization_id and o.delete_time is null`,
    where: ofPresent,
    fields: ({ user_id, provider_id, external_id, data, create_time, verify_time, sync_time }, { withSecrets }) => ({
      ...{ user: numberOf(user_id), auth_provider: numberOf(provider_id), ident: external_id },
      data: withSecrets ? (plainJson(data) ?? {}) : {},
      ...{ date_added: isoTime(create_time), last_verified: isoTime(verify_time), last_synced: isoTime(sync_time) },
    }),
  },
  {
    model: "sentry.useroption",
    table: "user_option",
    columns: sql`x.user_id, x.scope_kind, x.scope_id, x.key, x.value::text as value`,
    where: sql`${ofPresent} and (x.expire_time is null or x.expire_time > now()) and case x.scope_kind when 0 then true
      when 1 then x.scope_id in (select id from organization where delete_time is null)
      else x.scope_id in (select id from project where delete_time is null) end`,
    fields: ({ user_id, scope_kind, scope_id, key, value }) => ({
      user: numberOf(user_id),
      project_id: scope_kind === ScopeKind.PROJECT ? numberOf(scope_id) : null,
      organization_id: scope_kind === ScopeKind.ORGANIZATION ? numberOf(scope_id) : null,
      ...{ key, value: optionText(value) },
    }),
  },
  scopeOption("sentry.organizationoption", ScopeKind.ORGANIZATION, "organization"),
  scopeOption("sentry.projectoption", ScopeKind.PROJECT, "project"),
];
