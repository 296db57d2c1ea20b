import { type RawBuilder, type SqlBool, sql } from "kysely";
import { ownersOf, type Scope } from "./policy.ts";

/** Makes the SQL condition that an owner is in a scope. The profile and the account of the owner are given as columns or values. */
export const isIn = (scope: Scope, owner: { profileId: RawBuilder<unknown>; accountId: RawBuilder<unknown> }): RawBuilder<SqlBool> => {
  if (scope.kind !== "set") return scope.kind === "all" ? sql`true` : sql`false`;
  const { profileIds, accountIds } = ownersOf(scope);
  return sql`(${owner.profileId} = any(${profileIds.map(String)}::bigint[]) or ${owner.accountId} = any(${accountIds.map(String)}::bigint[]))`;
};
