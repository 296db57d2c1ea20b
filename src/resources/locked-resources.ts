import type { Call } from "../call.ts";
import type { Database } from "../db/orm.ts";
import { overtaken, whileOvertaken } from "../db/overtaken.ts";
import type { Tx } from "../db/transaction.ts";
import { invalidField } from "../errors.ts";
import type { ResourceRef } from "../gen/userd/v1/resource_pb.ts";
import type { Aggregate } from "../versions/aggregate.ts";
import { accountAggregates } from "./owner-accounts.ts";
import { findResources, type ResourceRow } from "./resource.select.ts";

const accountsOf = (rows: readonly (ResourceRow | undefined)[]): Set<bigint> =>
  new Set(rows.flatMap((row) => (row === undefined ? [] : [row.account_id])));

/**
 * Runs a write of resources with their accounts locked, of which others may be named besides. Where a resource is can
 * change before the lock; then again with where it is now, rather than lock out of order.
 */
export const lockingResources = <T>(
  db: Database,
  call: Call,
  { refs, others = [] }: { refs: readonly ResourceRef[]; others?: Iterable<bigint> },
  write: (aggregates: readonly Aggregate[], find: (tx: Tx) => Promise<readonly (ResourceRow | undefined)[]>) => Promise<T>,
): Promise<T> =>
  whileOvertaken(async () => {
    const locked = new Set([...accountsOf(await findResources(db.session(call), refs)), ...others]);
    const find = async (tx: Tx): Promise<readonly (ResourceRow | undefined)[]> => {
      const rows = await findResources(tx, refs);
      if ([...accountsOf(rows)].some((id) => !locked.has(id))) throw overtaken("A resource was transferred");
      return rows;
    };
    return write(accountAggregates(locked), find);
  });

/**
 * No resource is named twice, by its id or otherwise.
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
