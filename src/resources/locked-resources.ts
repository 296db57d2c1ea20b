import type { LookUpLocks, Tx } from "../db/transaction.ts";
import { invalidField } from "../errors.ts";
import type { ResourceRef } from "../gen/userd/v1/resource_pb.ts";
import { accountAggregate } from "../versions/aggregate.ts";
import { accountAggregates, accountsOfProfiles } from "./owner-accounts.ts";
import { findResources, type ResourceRow } from "./resource.select.ts";

const accountsOf = (rows: readonly (ResourceRow | undefined)[]): Set<bigint> =>
  new Set(rows.flatMap((row) => (row === undefined ? [] : [row.account_id])));

/**
 * Looks up the accounts that a write locks: those of resources, and those of given profiles. A resource may move to another
 * account before the lock.
 */
export const resourceLocks =
  (refs: readonly ResourceRef[], profileIds: readonly bigint[] = []): LookUpLocks =>
  async (session) => {
    const others = profileIds.length === 0 ? [] : (await accountsOfProfiles(session, profileIds)).values();
    return accountAggregates(new Set([...accountsOf(await findResources(session, refs)), ...others]));
  };

/** Reads resources whose accounts are locked. */
export const lockedResources = async (tx: Tx, refs: readonly ResourceRef[]): Promise<readonly (ResourceRow | undefined)[]> => {
  const rows = await findResources(tx, refs);
  tx.requireLocked([...accountsOf(rows)].map(accountAggregate), "A resource was transferred");
  return rows;
};

/**
 * Checks that no resource is named twice, be it by its id or its key.
 * @throws INVALID_ARGUMENT DUPLICATE_ENTRY.
 */
export const assertDistinctRows = (rows: readonly (ResourceRow | undefined)[], field: string): void => {
  const ids = new Set<bigint>();
  for (const [index, row] of rows.entries()) {
    if (row === undefined) continue;
    if (ids.has(row.id)) throw invalidField(`${field}[${index}]`, "names a resource that another one names", "DUPLICATE_ENTRY");
    ids.add(row.id);
  }
};
