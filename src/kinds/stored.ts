import { type RawBuilder, sql } from "kysely";
import { resourceDeleted, resourceNotFound } from "../contract/kinds/errors.ts";
import type { Kind } from "../contract/kinds/kind.ts";
import type { Session } from "../db/session.ts";
import type { LookUpLocks, Tx } from "../db/transaction.ts";
import { kindsAggregate } from "../versions/aggregate.ts";
import { columnsOf, composed, deletedAncestor, joinedAncestors, type StoredRow } from "./row.ts";

/**
 * Reads the one resource that meets a condition on `r`.
 * @param shown the kind as far as it is read.
 * @throws NOT_FOUND RESOURCE_NOT_FOUND.
 */
export const storedRow = async (session: Session, kind: Kind, which: RawBuilder<unknown>, shown: Kind = kind): Promise<StoredRow> => {
  const query = sql<StoredRow>`
    select ${columnsOf(shown)}, ${deletedAncestor(kind)} as deleted_ancestor
    from ${sql.table(kind.table)} r ${joinedAncestors(kind)} where ${which}`;
  const row = await session.row(shown === kind ? query : composed(query));
  if (row === undefined) throw resourceNotFound(kind);
  return row;
};

/** The resource with this id. */
export const storedById = (session: Session, kind: Kind, id: bigint): Promise<StoredRow> => storedRow(session, kind, sql`r.id = ${id}`);

/**
 * Requires that a resource is not deleted, nor anything that it is part of.
 * @throws FAILED_PRECONDITION RESOURCE_DELETED.
 */
export const requireLive = ({ name }: Kind, row: StoredRow): void => {
  requireLiveAncestors(row);
  if (row.delete_time) throw resourceDeleted(name);
};

/**
 * Requires that nothing a resource is part of is deleted.
 * @throws FAILED_PRECONDITION RESOURCE_DELETED.
 */
export const requireLiveAncestors = ({ deleted_ancestor: ancestor }: StoredRow): void => {
  if (ancestor !== null) throw resourceDeleted(ancestor);
};

/**
 * The organization of a row, which never changes; 0 = there is no such row. Whoever needs it is refused then, in the body of
 * the write: a replay by request_id gets its first answer also when what it was about is gone.
 */
export const organizationOf = async (session: Session, table: string, id: bigint): Promise<bigint> => {
  const row = await session.row(sql<{ organization_id: bigint }>`
    select organization_id from ${sql.table(table)} where id = ${id}`);
  return row?.organization_id ?? 0n;
};

/** Looks up what a write to a resource locks: the kinds of its organization. */
export const locksOf =
  ({ table }: Kind, id: bigint): LookUpLocks =>
  async (session) => {
    const organizationId = await organizationOf(session, table, id);
    return organizationId === 0n ? [] : [kindsAggregate(organizationId)];
  };

/** The resource with this id, in a write that has locked what `locksOf` says. */
export const lockedRow = async (tx: Tx, kind: Kind, id: bigint): Promise<StoredRow> => {
  const row = await storedById(tx, kind, id);
  tx.requireLocked([kindsAggregate(row.organization_id)], `The ${kind.label} has come into being`);
  return row;
};
