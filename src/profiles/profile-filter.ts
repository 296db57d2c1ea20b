import { type RawBuilder, type SqlBool, sql } from "kysely";
import { handleOf } from "../db/handles.ts";
import { type DomainError, invalidField } from "../errors.ts";
import type { ProfileFilter, ProfileTerm, TextMatch, TimeRange } from "../gen/users/v1/profile_filter_pb.ts";
import { momentOf } from "../moment.ts";

/** Most levels of a filter. */
const MAX_LEVELS = 5;
/** Most terms of a filter. */
const MAX_TERMS = 50;

type Condition = RawBuilder<SqlBool>;
type Column = RawBuilder<unknown>;

/** A filter as a condition over `user_profile`, `users` and `account`. */
export type ProfileCondition = { readonly condition: Condition; readonly asksUsers: boolean };

const isOneOf = (column: Column, ids: readonly bigint[]): Condition => sql`${column} = any(${ids.map(String)}::bigint[])`;

/** Functions, not LIKE: their arguments have no wildcards. */
const matches = (column: Column, { match: { case: how, value = "" } }: TextMatch, fold = (text: string) => text): Condition => {
  if (how === "startsWith") return sql`starts_with(${column}, ${fold(value)})`;
  return how === "contains" ? sql`position(${fold(value)} in ${column}) > 0` : sql`${column} = ${fold(value)}`;
};

const isTagged = (handles: Column, tag: string): Condition => sql`${handleOf(tag)} = any(${handles})`;

const isWithin = (column: Column, { startTime, endTime }: TimeRange): Condition => {
  const start = startTime ? sql`${column} >= ${momentOf(startTime)}` : sql`true`;
  const end = endTime ? sql`${column} < ${momentOf(endTime)}` : sql`true`;
  return sql`(${start} and ${end})`;
};

const is = (column: Column, value: boolean): Condition => (value ? sql`${column}` : sql`not ${column}`);

const refuse = (what: string): DomainError => invalidField("filter", what);

/** Columns are constants of the code, and values are bound. None of the columns can be null, so that "not" is the opposite. */
const termToSql = ({ condition }: ProfileTerm): Condition => {
  switch (condition.case) {
    case "id":
      return isOneOf(sql`user_profile.id`, condition.value.ids);
    case "userId":
      return isOneOf(sql`user_profile.user_id`, condition.value.ids);
    case "accountId":
      return isOneOf(sql`user_profile.account_id`, condition.value.ids);
    case "name":
      return matches(sql`user_profile.name`, condition.value);
    case "description":
      return matches(sql`user_profile.description`, condition.value);
    case "version":
      return matches(sql`user_profile.semver`, condition.value);
    case "tag":
      return isTagged(sql`user_profile.tag_handles`, condition.value);
    case "isTest":
      return is(sql`user_profile.is_test`, condition.value);
    case "createTime":
      return isWithin(sql`user_profile.create_time`, condition.value);
    case "username":
      return matches(sql`users.username_handle`, condition.value, handleOf);
    case "userEmail":
      return sql`exists (
        select from user_email e where e.user_id = users.id and ${matches(sql`e.email_handle`, condition.value, handleOf)})`;
    case "userIsActive":
      return is(sql`users.is_active`, condition.value);
    case "userIsStaff":
      return is(sql`users.is_staff`, condition.value);
    case "userIsSuperuser":
      return is(sql`users.is_superuser`, condition.value);
    case "userIsDeleted":
      return is(sql`(users.delete_time is not null)`, condition.value);
    case "accountNumber":
      return matches(sql`account.number`, condition.value);
    case "accountName":
      return matches(sql`account.name`, condition.value);
    case "accountTag":
      return isTagged(sql`account.tag_handles`, condition.value);
    case "accountIsDefault":
      return is(sql`account.is_default`, condition.value);
    case "accountIsPlatform":
      return is(sql`account.is_platform`, condition.value);
    case undefined:
      throw refuse("has a term without a condition");
  }
};

const ofUser: ReadonlySet<ProfileTerm["condition"]["case"]> = new Set([
  "username",
  "userEmail",
  "userIsActive",
  "userIsStaff",
  "userIsSuperuser",
  "userIsDeleted",
] as const);

/**
 * Reads a filter.
 * @throws INVALID_ARGUMENT FIELD_INVALID when it is too deep or has too many terms.
 */
export const conditionOf = (filter: ProfileFilter | undefined): ProfileCondition => {
  let terms = 0;
  let asksUsers = false;
  const joined = (nodes: readonly ProfileFilter[], level: number, by: "and" | "or"): Condition =>
    nodes.length === 0
      ? sql.lit(by === "and")
      : sql`(${sql.join(
          nodes.map((node) => read(node, level + 1)),
          sql.raw(` ${by} `),
        )})`;
  const read = ({ node }: ProfileFilter, level: number): Condition => {
    if (level > MAX_LEVELS) throw refuse(`is deeper than ${MAX_LEVELS} levels`);
    switch (node.case) {
      case "allOf":
        return joined(node.value.filters, level, "and");
      case "anyOf":
        return joined(node.value.filters, level, "or");
      case "noneOf":
        return sql`not ${joined(node.value.filters, level, "or")}`;
      case "term":
        terms += 1;
        if (terms > MAX_TERMS) throw refuse(`has more than ${MAX_TERMS} terms`);
        asksUsers ||= ofUser.has(node.value.condition.case);
        return termToSql(node.value);
      case undefined:
        throw refuse("has an empty node");
    }
  };
  const condition = filter === undefined ? sql<SqlBool>`true` : read(filter, 1);
  return { condition, asksUsers };
};
