import { type RawBuilder, type SqlBool, sql } from "kysely";
import { type DomainError, invalidField } from "../errors.ts";
import type { ProfileFilter, ProfileTerm, TextMatch, TimeRange } from "../gen/userd/v1/profile_filter_pb.ts";
import { momentOf } from "../moment.ts";
import { canonicalName } from "../names/canonical.ts";
import { assertServed, crossesTables } from "./filter-cost.ts";

const MAX_LEVELS = 5;
const MAX_TERMS = 50;

type Condition = RawBuilder<SqlBool>;
type Column = RawBuilder<unknown>;

/** A filter as an SQL condition on `user_profile`. `asksUsers` tells whether the filter asks for properties of users. */
export type ProfileCondition = { readonly condition: Condition; readonly asksUsers: boolean };

const isOneOf = (column: Column, ids: readonly bigint[]): Condition => sql`${column} = any(${ids.map(String)}::bigint[])`;

/** A pattern of LIKE in which the text stands for itself: only LIKE is served by the indexes of trigrams. */
const literal = (text: string): string => text.replaceAll(/[\\%_]/g, "\\$&");

const matches = (column: Column, { match: { case: how, value = "" } }: TextMatch, fold = (text: string) => text): Condition => {
  const text = fold(value);
  if (how === "startsWith") return sql`${column} like ${`${literal(text)}%`}`;
  return how === "contains" ? sql`${column} like ${`%${literal(text)}%`}` : sql`${column} = ${text}`;
};

/** The form in which a column of the profile is compared with what a query finds in another table. */
type In = (column: Column, query: RawBuilder<unknown>) => Condition;

/** PostgreSQL joins what the query finds, or keeps it in a hash table. */
const inList: In = (column, query) => sql`${column} in (${query})`;

/** PostgreSQL runs the query first, so that an index of the profiles serves it beside other alternatives. */
const inArray: In = (column, query) => sql`${column} = any(array(${query}))`;

/** The profiles of these accounts, of which there are fewer. */
const ofAccount = (condition: Condition, isIn: In): Condition =>
  isIn(sql`user_profile.account_id`, sql`select account.id from account where ${condition}`);

/** Looks at the user of one profile after the other: for what many users are. */
const whoseUser = (condition: Condition): Condition =>
  sql`exists (select from users where users.id = user_profile.user_id and ${condition})`;

/**
 * The profiles of users one of whose canonical names matches, of which there are few. The lines of searches (UserSearch)
 * hold every canonical name and have an index; without a line break, which they don't hold, what is in a canonical name is in them.
 */
const ofCanonicalNames = (match: TextMatch, isIn: In, holders: (condition: (column: Column) => Condition) => Condition): Condition => {
  const { case: how, value = "" } = match.match;
  const exact = holders((column) => matches(column, match, canonicalName));
  const text = canonicalName(value);
  if (how === "equals" || text.includes("\n")) return isIn(sql`user_profile.user_id`, exact);
  const found = sql`select s.user_id from user_search s where s.lines like ${`%${literal(text)}%`} and s.user_id in (${exact})`;
  return isIn(sql`user_profile.user_id`, found);
};

const isTagged = (canonicalNames: Column, tag: string): Condition => sql`${canonicalNames} @> ${[canonicalName(tag)]}::text[]`;

const isWithin = (column: Column, { startTime, endTime }: TimeRange): Condition => {
  const start = startTime ? sql`${column} >= ${momentOf(startTime)}` : sql`true`;
  const end = endTime ? sql`${column} < ${momentOf(endTime)}` : sql`true`;
  return sql`(${start} and ${end})`;
};

const is = (column: Column, value: boolean): Condition => (value ? sql`${column}` : sql`not ${column}`);

const refuse = (what: string): DomainError => invalidField("filter", what);

/** Columns are constants of the code, and values are bound. None of the columns can be null, so that "not" is the opposite. */
const termToSql = ({ condition }: ProfileTerm, isIn: In): Condition => {
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
      return isTagged(sql`user_profile.tags_canonical`, condition.value);
    case "isTest":
      return is(sql`user_profile.is_test`, condition.value);
    case "createTime":
      return isWithin(sql`user_profile.create_time`, condition.value);
    case "username":
      return ofCanonicalNames(
        condition.value,
        isIn,
        (matching) => sql`select users.id from users where ${matching(sql`users.username_canonical`)}`,
      );
    case "userEmail":
      return ofCanonicalNames(
        condition.value,
        isIn,
        (matching) => sql`select e.user_id from user_email e where ${matching(sql`e.email_canonical`)}`,
      );
    case "userIsActive":
      return whoseUser(is(sql`users.is_active`, condition.value));
    case "userIsStaff":
      return whoseUser(is(sql`users.is_staff`, condition.value));
    case "userIsSuperuser":
      return whoseUser(is(sql`users.is_superuser`, condition.value));
    case "userIsDeleted":
      return whoseUser(is(sql`(users.delete_time is not null)`, condition.value));
    case "accountNumber":
      return ofAccount(matches(sql`account.number`, condition.value), isIn);
    case "accountName":
      return ofAccount(matches(sql`account.name`, condition.value), isIn);
    case "accountTag":
      return ofAccount(isTagged(sql`account.tags_canonical`, condition.value), isIn);
    case "accountIsDefault":
      return ofAccount(is(sql`account.is_default`, condition.value), isIn);
    case "accountIsPlatform":
      return ofAccount(is(sql`account.is_platform`, condition.value), isIn);
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

/** Makes a filter's SQL condition; no filter = `true`. Throws FIELD_INVALID above 5 levels or 50 terms; QUERY_NOT_INDEXED (`assertServed`). */
export const conditionOf = (filter: ProfileFilter | undefined): ProfileCondition => {
  let terms = 0;
  let asksUsers = false;
  const joined = (nodes: readonly ProfileFilter[], by: "and" | "or", level: number, isIn: In, isNegated: boolean): Condition =>
    nodes.length === 0
      ? sql.lit(by === "and")
      : sql`(${sql.join(
          nodes.map((node) => read(node, level + 1, isIn, isNegated)),
          sql.raw(` ${by} `),
        )})`;
  const read = ({ node }: ProfileFilter, level: number, isIn: In, isNegated: boolean): Condition => {
    if (level > MAX_LEVELS) throw refuse(`is deeper than ${MAX_LEVELS} levels`);
    switch (node.case) {
      case "allOf":
        return joined(node.value.filters, "and", level, isIn, isNegated);
      case "anyOf":
        return joined(node.value.filters, "or", level, !isNegated && crossesTables(node.value.filters) ? inArray : isIn, isNegated);
      case "noneOf":
        return sql`not ${joined(node.value.filters, "or", level, inList, true)}`;
      case "term":
        terms += 1;
        if (terms > MAX_TERMS) throw refuse(`has more than ${MAX_TERMS} terms`);
        asksUsers ||= ofUser.has(node.value.condition.case);
        return termToSql(node.value, isIn);
      case undefined:
        throw refuse("has an empty node");
    }
  };
  const condition = filter === undefined ? sql<SqlBool>`true` : read(filter, 1, inList, false);
  if (filter !== undefined) assertServed(filter);
  return { condition, asksUsers };
};
