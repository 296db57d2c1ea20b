import { sql } from "kysely";
import type { Session } from "../db/session.ts";
import type { LookUpLocks, Tx } from "../db/write.ts";
import { assertDistinct } from "../errors.ts";
import type { ResourceRef } from "../gen/userd/v1/resource_pb.ts";
import { type Aggregate, accountAggregate } from "../versions/aggregate.ts";
import { findResources, type ResourceRow } from "./resource.select.ts";

/** Returns the accounts of profiles as a map from profile id to account id, without unknown profiles. A profile's account never changes. */
export const accountsOfProfiles = async (session: Session, profileIds: readonly bigint[]): Promise<ReadonlyMap<bigint, bigint>> => {
  const rows = await session.rows(sql<{ id: bigint; account_id: bigint }>`
    select id, account_id from user_profile where id = any(${[...new Set(profileIds)].map(String)}::bigint[])`);
  return new Map(rows.map(({ id, account_id }) => [id, account_id]));
};

/** Makes the aggregates of accounts from their ids, without duplicates. */
export const accountAggregates = (ids: Iterable<bigint>): readonly Aggregate[] => [...new Set(ids)].map(accountAggregate);

const accountsOf = (rows: readonly (ResourceRow | undefined)[]): Set<bigint> =>
  new Set(rows.flatMap((row) => (row === undefined ? [] : [row.account_id])));

/** Makes the function that looks up the accounts to lock for resources and profiles. In the write, `lockedResources` checks these locks. */
export const resourceLocks =
  (refs: readonly ResourceRef[], profileIds: readonly bigint[] = []): LookUpLocks =>
  async (session) => {
    const others = profileIds.length === 0 ? [] : (await accountsOfProfiles(session, profileIds)).values();
    return accountAggregates(new Set([...accountsOf(await findResources(session, refs)), ...others]));
  };

/** Reads resources in the order of their references; undefined = no such resource. The write restarts if a resource's account is not locked. */
export const lockedResources = async (tx: Tx, refs: readonly ResourceRef[]): Promise<readonly (ResourceRow | undefined)[]> => {
  const rows = await findResources(tx, refs);
  tx.requireLocked([...accountsOf(rows)].map(accountAggregate), "A resource was transferred");
  return rows;
};

/** The end of the error message, after the field's name, for an entry that names the same resource as another entry. */
export const NAMED_TWICE = "names a resource that another one names";

/** Checks that no resource is named twice, be it by its id or its key. Throws INVALID_ARGUMENT DUPLICATE_ENTRY. */
export const assertDistinctRows = (rows: readonly (ResourceRow | undefined)[], field: string): void => {
  const ids = rows.map((row) => (row ? [String(row.id)] : []));
  assertDistinct(ids, field, NAMED_TWICE);
};
