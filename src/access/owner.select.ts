import { type RawBuilder, sql } from "kysely";
import type { AccessRelation } from "../gen/userd/v1/access_relation_pb.ts";
import { type ReadPolicy, type Rule, type RuleOwners, rulesFor } from "./policy.ts";

/** True if the user of the profile `theirs` has is_staff: such are the admins of its account. */
const isAdmin = sql`exists (select from users w where w.id = theirs.user_id and w.is_staff)`;
const isOfPlatform = sql`exists (select from account a where a.id = theirs.account_id and a.is_platform)`;

/** The owners of rules, as conditions on the owner's profile `theirs` and a profile `mine` of the user that asks. */
const ownerConditions: Readonly<Record<RuleOwners, RawBuilder<unknown>>> = {
  self: sql`theirs.id = mine.id`,
  "admins of the account": sql`theirs.account_id = mine.account_id and ${isAdmin}`,
  "everybody of the account": sql`theirs.account_id = mine.account_id`,
  "admins of the platform": sql`${isOfPlatform} and ${isAdmin}`,
  "everybody of the platform": isOfPlatform,
};

/** A user of the rank `staff` has is_staff; who is a superuser besides owns everything. */
const ruleCondition = ({ standing, owners }: Rule): RawBuilder<unknown> =>
  standing === "staff" ? sql`(u.is_staff and ${ownerConditions[owners]})` : sql`(${ownerConditions[owners]})`;

/**
 * Makes the SQL condition that the rules of access give the user `u`, who is present and no superuser, a relation to what a profile owns. It is
 * the same as a `Scope` that has the profile, for statements that ask about users whom no `Scope` is computed for.
 * @param profileId the SQL expression of the id of the profile.
 */
export const ownerIsRelated = (
  relation: AccessRelation,
  policy: ReadPolicy,
  profileId: RawBuilder<unknown>,
): RawBuilder<boolean> => sql`exists (
  select from user_profile theirs join user_profile mine on mine.user_id = u.id
  where theirs.id = ${profileId} and (${sql.join(rulesFor(relation, policy).map(ruleCondition), sql` or `)}))`;
