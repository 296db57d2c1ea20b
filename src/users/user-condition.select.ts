import { type RawBuilder, type SqlBool, sql } from "kysely";
import type { UserCondition, UserFlag } from "./user-condition.ts";

/** The beginning of the page, as a condition on an id. */
type Beyond = (id: RawBuilder<bigint>) => RawBuilder<SqlBool>;

const flags: Readonly<Record<UserFlag, RawBuilder<boolean>>> = {
  is_active: sql`users.is_active`,
  is_staff: sql`users.is_staff`,
  is_superuser: sql`users.is_superuser`,
  is_app: sql`users.is_app`,
  is_suspended: sql`users.is_suspended`,
};

const inRange = (column: RawBuilder<unknown>, since: Date | undefined, before: Date | undefined): RawBuilder<SqlBool> =>
  sql`(${since ? sql`${column} >= ${since}::timestamptz` : sql`true`} and ${before ? sql`${column} < ${before}::timestamptz` : sql`true`})`;

/** Users without such a time are looked for the other way round: by those who have one later on. */
const ofTime = ({ time, since, before }: Extract<UserCondition, { kind: "time" }>, beyond: Beyond): RawBuilder<SqlBool> => {
  if (time === "date_joined") return inRange(sql`users.date_joined`, since, before);
  const column = sql.ref(`a.${time}`);
  const active = (range: RawBuilder<SqlBool>) => sql<SqlBool>`users.id in (
    select a.user_id from user_activity a where ${range} and ${beyond(sql`a.user_id`)})`;
  if (since !== undefined) return active(inRange(column, since, before));
  return sql`not exists (select from user_activity a where a.user_id = users.id and ${inRange(column, before, undefined)})`;
};

const anyOf = (alternatives: readonly RawBuilder<SqlBool>[]): RawBuilder<SqlBool> => sql`(${sql.join(alternatives, sql` or `)})`;

const ofAddress = ({ canonicalNames, verified }: Extract<UserCondition, { kind: "emails" }>): RawBuilder<SqlBool> => {
  const known = canonicalNames ? sql`e.email_canonical = any(${canonicalNames}::text[])` : sql`true`;
  const asVerified = verified === undefined ? sql`true` : sql`e.is_verified = ${verified}::boolean`;
  return canonicalNames
    ? sql`users.id in (select e.user_id from user_email e where ${known} and ${asVerified})`
    : sql`exists (select from user_email e where e.user_id = users.id and ${asVerified})`;
};

/**
 * Makes the SQL of a condition on a row of `users`. An array is one parameter, so that the statement is the same for any number of values.
 * @param beyond makes the condition that a user id comes after the previous page, for subqueries: the planner does not derive it for them.
 */
export const toSql = (condition: UserCondition, beyond: Beyond): RawBuilder<SqlBool> => {
  switch (condition.kind) {
    case "ids":
      return sql`users.id = any(${condition.ids.map(String)}::bigint[])`;
    case "members":
      return sql`users.id in (select m.user_id from organization_member m
        where m.organization_id = ${condition.organizationId} and m.user_id is not null and ${beyond(sql`m.user_id`)})`;
    case "usernames":
      return sql`users.username_canonical = any(${condition.canonicalNames}::text[])`;
    case "externalIds":
      return sql`(users.external_id is not null and users.external_id = any(${condition.externalIds}::text[]))`;
    case "role":
      // A literal: a plan for any role would read all users for one that few have.
      return sql`users.id in (select m.user_id from role_member m
        where m.role_id = ${sql.raw(String(condition.id))} and ${beyond(sql`m.user_id`)})`;
    case "time":
      return ofTime(condition, beyond);
    case "emails":
      return ofAddress(condition);
    case "flags":
      return anyOf(condition.anyOf.map(({ flag, value }) => (value ? flags[flag] : sql`not ${flags[flag]}`)));
    case "permissions":
      return sql`users.id in (
        select p.user_id from user_permission p where p.permission = any(${condition.permissions}::text[])
        union all
        select m.user_id from role_permission p join role_member m on m.role_id = p.role_id
          where p.permission = any(${condition.permissions}::text[]))`;
    case "authenticators":
      // Stored are the numbers of the model that authenticators are imported from: one less.
      return sql`exists (select from authenticator a where a.user_id = users.id
        and a.type = any(${condition.types.map((type) => type - 1)}::smallint[]))`;
    case "hasAuthenticator": {
      const has = sql<SqlBool>`exists (select from authenticator a where a.user_id = users.id)`;
      return condition.value ? has : sql`not ${has}`;
    }
    case "lines":
      return sql`exists (select from user_search s where s.user_id = users.id and ${beyond(sql`s.user_id`)}
        and ${anyOf(condition.patterns.map((pattern) => sql`s.lines like ${pattern}`))})`;
  }
};
