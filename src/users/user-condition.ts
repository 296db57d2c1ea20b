import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { type RawBuilder, sql } from "kysely";
import type { FilterColumn } from "../filter/fields.ts";
import { createConditionReader } from "../filter/read-filter.ts";
import { compared, elsewhere, holds, is, literal, oneOf } from "../filter/terms.ts";
import { type Condition, negated } from "../filter/tree.ts";
import type { UserFilter } from "../gen/userd/v1/user_list_pb.ts";
import { momentOf } from "../moment.ts";
import { canonicalName } from "../names/canonical.ts";
import { declaredFields, linesMatch, userFields } from "./user-fields.ts";

/** The least characters of a text that is looked for anywhere: no index finds a shorter one but at the beginning. */
const MIN_SUBSTRING = 3;

const readExpression = createConditionReader(declaredFields);

const lines = (patterns: readonly string[]): Condition =>
  elsewhere(
    "index",
    ({ beyond }) => sql`exists (
      select from user_search s where s.user_id = users.id and ${beyond(sql`s.user_id`)} and ${linesMatch(patterns)})`,
  );

/** Returns text folded as the lines are, with what LIKE would take for wildcards escaped. */
const lineOf = (text: string): string => literal(canonicalName(text).replaceAll("\n", " "));

/** Makes the condition that a user's name, username or address contains a text; a text of fewer than 3 characters has to be its beginning. */
export const containing = (text: string): Condition =>
  lines([`%${[...text].length < MIN_SUBSTRING ? `\n${lineOf(text)}` : lineOf(text)}%`]);

/** Makes the condition that a user's name is one of `names`. The condition compares the first of the user's search lines, which is the name. */
export const named = (names: readonly string[]): Condition => lines(names.map((name) => `\n${lineOf(name)}\n%`));

/** Makes the condition that a user has one of these permissions, granted to the user directly or by a role. */
export const permitted = (permissions: readonly string[]): Condition => ({
  op: "or",
  parts: permissions.map((permission) => holds(userFields.permissions, permission)),
});

/** Makes the condition that a user has the role with this id; 0 = a role that nobody has. */
export const inRole = (id: bigint): Condition =>
  // A literal: a plan for any role would read all users for one that few have.
  elsewhere(
    "index",
    ({ beyond }) => sql`users.id in (select m.user_id from role_member m
      where m.role_id = ${sql.raw(String(id))} and ${beyond(sql`m.user_id`)})`,
  );

/**
 * Makes the condition that a user has an address that is one of `emails`, and is verified or not as `verified` says; an undefined argument
 * restricts nothing.
 */
export const addressed = (emails: readonly string[] | undefined, verified?: boolean): Condition => {
  const asVerified: RawBuilder<unknown> = verified === undefined ? sql`true` : sql`e.is_verified = ${verified}::boolean`;
  if (emails === undefined)
    return elsewhere("walk", () => sql`exists (select from user_email e where e.user_id = users.id and ${asVerified})`);
  return elsewhere(
    "index",
    () => sql`users.id in (select e.user_id from user_email e
      where e.email_canonical = any(${emails.map(canonicalName)}::text[]) and ${asVerified})`,
  );
};

const inOrganization = (organizationId: bigint): Condition =>
  elsewhere(
    "index",
    ({ beyond }) => sql`users.id in (select m.user_id from organization_member m
      where m.organization_id = ${organizationId} and m.user_id is not null and ${beyond(sql`m.user_id`)})`,
  );

// Stored are the numbers of the model that authenticators are imported from: one less.
const secured = (types: readonly number[]): Condition =>
  elsewhere(
    "walk",
    () => sql`exists (select from authenticator a where a.user_id = users.id
      and a.type = any(${types.map((type) => type - 1)}::smallint[]))`,
  );

const hasAuthenticator = elsewhere("walk", () => sql`exists (select from authenticator a where a.user_id = users.id)`);

const flag = (field: FilterColumn, value: boolean | undefined): Condition[] => (value === undefined ? [] : [is(field, value)]);

/** A time that the user does not have is before every moment. */
const timed = (field: FilterColumn, since: Timestamp | undefined, before: Timestamp | undefined): Condition[] => [
  ...(since ? [compared(field, ">=", momentOf(since))] : []),
  ...(before && (since || !field.isNullable) ? [compared(field, "<", momentOf(before))] : []),
  ...(before && !since && field.isNullable ? [negated(compared(field, ">=", momentOf(before)))] : []),
];

/**
 * Converts a filter to conditions, except for the filter's role, which `listConditions` has to read from the database; an undefined filter
 * makes no conditions.
 * @throws INVALID_ARGUMENT FIELD_INVALID on a time that is not valid, and on an expression that can't be read.
 */
export const conditionsOf = (filter: UserFilter | undefined): readonly Condition[] => {
  if (filter === undefined) return [];
  const { emails, emailVerified, userIds, usernames, organizationId, permission, authenticatorTypes, withoutAuthenticator, query } = filter;
  const conditions: Condition[] = [
    ...flag(userFields.is_active, filter.isActive),
    ...flag(userFields.is_staff, filter.isStaff),
    ...flag(userFields.is_superuser, filter.isSuperuser),
    ...flag(userFields.is_app, filter.isApp),
    ...flag(userFields.is_suspended, filter.isSuspended),
    ...timed(userFields.date_joined, filter.joinedSince, filter.joinedBefore),
    ...timed(userFields.last_login, filter.lastLoginSince, filter.lastLoginBefore),
    ...timed(userFields.last_active, filter.lastActiveSince, filter.lastActiveBefore),
  ];
  if (emails.length > 0 || emailVerified !== undefined) conditions.push(addressed(emails.length > 0 ? emails : undefined, emailVerified));
  if (userIds.length > 0) conditions.push(oneOf(userFields.id, userIds));
  if (usernames.length > 0) conditions.push(oneOf(userFields.username, usernames));
  if (filter.externalIds.length > 0) conditions.push(oneOf(userFields.external_id, filter.externalIds));
  if (organizationId !== 0n) conditions.push(inOrganization(organizationId));
  if (permission !== "") conditions.push(permitted([permission]));
  if (authenticatorTypes.length > 0) conditions.push(secured(authenticatorTypes));
  if (withoutAuthenticator !== undefined) conditions.push(withoutAuthenticator ? negated(hasAuthenticator) : hasAuthenticator);
  if (query !== "") conditions.push(containing(query));
  if (filter.expression !== "") conditions.push(readExpression(filter.expression));
  return conditions;
};
