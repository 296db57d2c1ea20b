import { type DomainError, invalidField } from "../errors.ts";
import type { FilterColumn } from "../filter/fields.ts";
import { createConditionReader } from "../filter/read-filter.ts";
import { compared, contains, holds, is, oneOf, startsWith } from "../filter/terms.ts";
import { always, type Condition, negated, requireServed, termsOf } from "../filter/tree.ts";
import type { ProfileFilter, ProfileTerm, TextMatch, TimeRange } from "../gen/userd/v1/profile_filter_pb.ts";
import { momentOf } from "../moment.ts";
import { accountFields, declaredFields, profileFields, userFields } from "./profile-fields.ts";

const MAX_LEVELS = 5;
const MAX_TERMS = 50;

/** A filter as a condition on the table user_profile. `asksUsers` tells whether the filter names properties of users. */
export type ProfileCondition = { readonly condition: Condition; readonly asksUsers: boolean };

const readExpression = createConditionReader(declaredFields);

const matches = (field: FilterColumn, { match: { case: how, value = "" } }: TextMatch): Condition => {
  if (how === "startsWith") return startsWith(field, value);
  return how === "contains" ? contains(field, value) : compared(field, "=", value);
};

const isWithin = (field: FilterColumn, { startTime, endTime }: TimeRange): Condition => ({
  op: "and",
  parts: [
    ...(startTime ? [compared(field, ">=", momentOf(startTime))] : []),
    ...(endTime ? [compared(field, "<", momentOf(endTime))] : []),
  ],
});

const refuse = (what: string): DomainError => invalidField("filter", what);

const { id, user_id, account_id, name, description, version, tags, is_test, create_time } = profileFields;

const readTerm = ({ condition }: ProfileTerm): Condition => {
  switch (condition.case) {
    case "id":
      return oneOf(id, condition.value.ids);
    case "userId":
      return oneOf(user_id, condition.value.ids);
    case "accountId":
      return oneOf(account_id, condition.value.ids);
    case "name":
      return matches(name, condition.value);
    case "description":
      return matches(description, condition.value);
    case "version":
      return matches(version, condition.value);
    case "tag":
      return holds(tags, condition.value);
    case "isTest":
      return is(is_test, condition.value);
    case "createTime":
      return isWithin(create_time, condition.value);
    case "username":
    case "userEmail":
      return matches(userFields[condition.case], condition.value);
    case "userIsActive":
    case "userIsStaff":
    case "userIsSuperuser":
    case "userIsDeleted":
      return is(userFields[condition.case], condition.value);
    case "accountNumber":
    case "accountName":
      return matches(accountFields[condition.case], condition.value);
    case "accountTag":
      return holds(accountFields.accountTag, condition.value);
    case "accountIsDefault":
    case "accountIsPlatform":
      return is(accountFields[condition.case], condition.value);
    case undefined:
      throw refuse("has a term without a condition");
  }
};

/**
 * Converts a filter to a condition, which holds for every profile if the filter is absent.
 * @throws FIELD_INVALID above 5 levels or 50 terms, and for an expression that can't be read; FAILED_PRECONDITION QUERY_NOT_INDEXED for a filter
 * that no index serves.
 */
export const conditionOf = (filter: ProfileFilter | undefined): ProfileCondition => {
  let terms = 0;
  let asksUsers = false;
  const counted = (condition: Condition, count: number): Condition => {
    terms += count;
    if (terms > MAX_TERMS) throw refuse(`has more than ${MAX_TERMS} terms`);
    return condition;
  };
  const read = ({ node }: ProfileFilter, level: number): Condition => {
    if (level > MAX_LEVELS) throw refuse(`is deeper than ${MAX_LEVELS} levels`);
    switch (node.case) {
      case "allOf":
        return { op: "and", parts: node.value.filters.map((one) => read(one, level + 1)) };
      case "anyOf":
        return { op: "or", parts: node.value.filters.map((one) => read(one, level + 1)) };
      case "noneOf":
        return negated({ op: "or", parts: node.value.filters.map((one) => read(one, level + 1)) });
      case "term":
        asksUsers ||= node.value.condition.case !== undefined && node.value.condition.case in userFields;
        return counted(readTerm(node.value), 1);
      case "expression": {
        const condition = readExpression(node.value);
        return counted(condition, termsOf(condition).length);
      }
      case undefined:
        throw refuse("has an empty node");
    }
  };
  if (filter === undefined) return { condition: always, asksUsers };
  const condition = read(filter, 1);
  requireServed(
    condition,
    "text that is contained needs 3 characters, and a version can't be searched within, unless a condition stands beside it, by all_of or &&, that an index serves",
  );
  return { condition, asksUsers };
};
