import { type Kysely, type RawBuilder, type SqlBool, sql } from "kysely";
import type { Schema } from "../schema/entities.ts";

/** The row of an address, as every read selects it. `date_added` is ISO text when the row was read as JSON. */
export type UserEmailRow = {
  readonly email: string;
  readonly email_canonical: string;
  readonly is_verified: boolean;
  readonly date_added: string | Date;
};

/** The view in which `selectUsers` reads users: full or basic. */
export type UserQuery = { readonly full: boolean };

/** The SQL expression for the addresses of a row of `users`: a JSON list ordered by canonical name. */
export const emailsOf = sql<UserEmailRow[]>`(
  select coalesce(json_agg(json_build_object(
    'email', e.email, 'email_canonical', e.email_canonical, 'is_verified', e.is_verified, 'date_added', e.date_added
  ) order by e.email_canonical), '[]') from user_email e where e.user_id = users.id)`;

/** The SQL of a user's own permissions and those of its roles, each once; the collation sorts them by code point. */
const permissionsOf = sql<string[]>`array(
  select permission from user_permission where user_id = users.id
  union
  select rp.permission from role_member m join role_permission rp on rp.role_id = m.role_id where m.user_id = users.id
  order by permission)`;

const roleNamesOf = sql<string[]>`array(
  select r.name from role_member m join role r on r.id = m.role_id where m.user_id = users.id order by r.name)`;

/** The SQL condition that a row of `users` has a second factor: an authenticator of any type but 0 (recovery codes). */
export const has2fa = sql<SqlBool>`exists (select from authenticator a where a.user_id = users.id and a.type <> 0)`;

/** The columns of which user.lookup.ts composes permissions and role names, since roles change without their users. */
const ownPermissionsOf = sql<string[]>`array(select permission from user_permission where user_id = users.id)`;
const roleIdsOf = sql<string[]>`array(select role_id::text from role_member where user_id = users.id)`;

const inFull = <T>(full: boolean, expression: RawBuilder<T>): RawBuilder<T | null> => (full ? expression : sql<null>`null`);

/** Makes the query for users in the basic view, for answers and the cache. Of a user's password, the query returns only whether it is usable. */
export const selectBasicUsers = (db: Kysely<Schema>) =>
  db
    .selectFrom("users")
    .leftJoin("user_activity", "user_activity.user_id", "users.id")
    .select([
      "users.id",
      "users.username",
      "users.name",
      "users.email",
      "users.external_id",
      "users.is_active",
      "users.is_staff",
      "users.is_superuser",
      "users.is_managed",
      "users.is_unclaimed",
      "users.is_suspended",
      "users.is_app",
      "users.is_password_expired",
      "users.last_password_change",
      "users.flags",
      "users.avatar_type",
      "users.avatar_url",
      "users.date_joined",
      "users.version",
      "users.delete_time",
      "users.purge_time",
      "users.merged_into_user_id",
      "user_activity.last_login",
      "user_activity.last_active",
      sql<SqlBool>`users.password <> '' and users.password not like '!%'`.as("has_usable_password"),
    ]);

/** Makes the query that reads users without the cache; callers add a condition. Without `full`, columns of the full view are null. */
export const selectUsers = (db: Kysely<Schema>, { full }: UserQuery) =>
  selectBasicUsers(db).select([
    inFull(full, emailsOf).as("emails"),
    inFull(full, permissionsOf).as("permissions"),
    inFull(full, roleNamesOf).as("role_names"),
    inFull(full, has2fa).as("has_2fa"),
  ]);

/** Makes the query for users as the cache stores them for the full view: with the ids of their roles, and not what the roles grant. */
export const selectCachedUsers = (db: Kysely<Schema>) =>
  selectBasicUsers(db).select([
    emailsOf.as("emails"),
    ownPermissionsOf.as("own_permissions"),
    roleIdsOf.as("role_ids"),
    has2fa.as("has_2fa"),
  ]);

/**
 * Makes the SQL of the columns that `selectCachedUsers` adds to `selectBasicUsers`, for the users in the alias `users`. The columns are null
 * unless `isFull` is true.
 */
export const cachedColumnsWhere = (isFull: RawBuilder<SqlBool>): RawBuilder<unknown> => sql`
  case when ${isFull} then ${emailsOf} end as emails,
  case when ${isFull} then ${ownPermissionsOf} end as own_permissions,
  case when ${isFull} then ${roleIdsOf} end as role_ids,
  case when ${isFull} then ${has2fa} end as has_2fa`;

/** A user as `selectBasicUsers` returns it. */
export type BasicUserRow = Awaited<ReturnType<ReturnType<typeof selectBasicUsers>["execute"]>>[number];

/** A row of `selectCachedUsers`: what the cache keeps of a user. */
export type CachedUserRow = Awaited<ReturnType<ReturnType<typeof selectCachedUsers>["execute"]>>[number];

/** A user as `selectUsers` returns it. */
export type UserRow = Awaited<ReturnType<ReturnType<typeof selectUsers>["execute"]>>[number];
