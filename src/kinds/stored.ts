import { sql } from "kysely";
import { resourceDeleted, resourceNotFound } from "../contract/kinds/errors.ts";
import { type Kind, ORGANIZATION_ID, ORGANIZATION_IDS, type Referent } from "../contract/kinds/kind.ts";
import { compiled, place } from "../db/compiled.ts";
import type { Session } from "../db/session.ts";
import type { LookUpLocks, Tx } from "../db/write.ts";
import type { Aggregate } from "../versions/aggregate.ts";
import { oncePerKind } from "./once-per-kind.ts";
import { isReadable, requireOwned, ruledRow } from "./relation.ts";
import { columnsOf, deletedAncestor, joinedAncestors, type Row, type StoredRow } from "./row.ts";

const byId = oncePerKind((kind) =>
  compiled(sql<StoredRow>`
    select ${columnsOf(kind)}, ${deletedAncestor(kind)} as deleted_ancestor
    from ${sql.table(kind.table)} r ${joinedAncestors(kind)} where r.id = ${place("id")}`),
);

/**
 * Reads the resource with this id, and which of its ancestors is deleted (`StoredRow`).
 * @throws NOT_FOUND with the error reason of the kind.
 */
export const storedById = async (session: Session, kind: Kind, id: bigint): Promise<StoredRow> => {
  const row = await session.row(byId(kind)({ id }));
  if (row === undefined) throw resourceNotFound(kind);
  return row;
};

/**
 * Checks that neither a resource nor any of its ancestors is deleted.
 * @throws FAILED_PRECONDITION with the error reason of the kind.
 */
export const requireLive = (kind: Kind, row: StoredRow): void => {
  requireLiveAncestors(kind, row);
  if (row.delete_time) throw resourceDeleted(kind, kind.name);
};

/** Reads the resource with this id, and checks by `requireLive` that neither the resource nor any of its ancestors is deleted. */
export const liveById = async (session: Session, kind: Kind, id: bigint): Promise<StoredRow> => {
  const row = await storedById(session, kind, id);
  requireLive(kind, row);
  return row;
};

/**
 * Checks that no ancestor of a resource is deleted.
 * @throws FAILED_PRECONDITION with the error reason of the kind.
 */
export const requireLiveAncestors = (kind: Kind, { deleted_ancestor: ancestor }: StoredRow): void => {
  if (ancestor !== null) throw resourceDeleted(kind, ancestor);
};

/**
 * Reads the id of the organization or profile that a row belongs to; 0 = there is no such row. A missing row is no error here, so that a write repeated by its
 * request_id gets its first answer even when the row is gone.
 */
export const rootOf = async (session: Session, { table, belongsTo }: Referent, id: bigint): Promise<bigint> => {
  if (belongsTo?.column === "id") return id;
  const row = await session.row(sql<{ root: bigint }>`
    select ${sql.ref(belongsTo?.column ?? ORGANIZATION_ID)} as root from ${sql.table(table)} where id = ${id}`);
  return row?.root ?? 0n;
};

/** The organizations that share a resource, and those of what refers to it and goes with it: they may share it no longer. */
const sharersOf = async (session: Session, { name, sharedBy = "" }: Kind, id: bigint): Promise<readonly bigint[]> => {
  const places = session.kinds.kinds.flatMap(({ table, columns }) =>
    columns.flatMap(({ name: column, reference }) => (reference?.to.name === name ? [{ table, column }] : [])),
  );
  const rows = await session.rows(
    sql<{ organization_id: bigint }>`${sql.join(
      [{ table: sharedBy, column: `${name}_id` }, ...places].map(
        ({ table, column }) => sql`select organization_id from ${sql.table(table)} where ${sql.ref(column)} = ${id}::bigint`,
      ),
      sql` union `,
    )}`,
  );
  return rows.map((row) => row.organization_id);
};

/**
 * Returns the aggregates that a write to a resource of the given organizations or profiles locks, and whose versions the write raises. Leave out `id` for a
 * resource that does not exist yet.
 */
export const aggregatesOf = ({ name, aggregates }: Kind, rootIds: readonly bigint[], id?: bigint): readonly Aggregate[] =>
  aggregates.flatMap((kind) => {
    const isOwn = kind === name || kind === "kinds:shared";
    return (isOwn ? (id === undefined ? [] : [id]) : [...new Set(rootIds)]).map((of) => ({ kind, id: of }));
  });

/**
 * Makes the function that looks up which aggregates a write to a resource has to lock; `more` are the ids of organizations that are to share the
 * resource, or of the profile that is to own it.
 */
export const locksOf =
  (kind: Kind, id: bigint, more: readonly bigint[] = []): LookUpLocks =>
  async (session) => {
    // What the user must not read is as if it were not there: nothing is locked.
    if (!(await isReadable(session, kind, id))) return [];
    if (kind.sharedBy !== undefined) return aggregatesOf(kind, [...(await sharersOf(session, kind, id)), ...more], id);
    const rootId = await rootOf(session, kind, id);
    return rootId === 0n ? [] : aggregatesOf(kind, [rootId, ...more], id);
  };

/** Returns the id of the organization or profile that a resource belongs to; organizations that share it are not asked for. */
export const rootIn = ({ belongsTo }: Kind, row: Row): bigint => row[belongsTo?.column ?? ORGANIZATION_ID] as bigint;

/** The organizations or the profile of a row: it itself where it is an organization. */
const rootsIn = (kind: Kind, row: Row): readonly bigint[] =>
  kind.sharedBy === undefined ? [rootIn(kind, row)] : (row[ORGANIZATION_IDS] as readonly string[]).map(BigInt);

/**
 * Reads the resource with this id, and checks that the write has locked the aggregates of `locksOf` and that the acting user may write.
 * @throws what storedById, Tx.requireLocked and requireOwned throw.
 */
export const lockedRow = async (tx: Tx, kind: Kind, id: bigint): Promise<StoredRow> => {
  // First, so that what is hidden takes the statements of what is not there.
  await requireOwned(tx, kind, ruledRow(kind, id), () => resourceNotFound(kind));
  const row = await storedById(tx, kind, id);
  const isShared = kind.sharedBy !== undefined;
  tx.requireLocked(aggregatesOf(kind, rootsIn(kind, row), id), `The ${kind.label} has ${isShared ? "moved" : "come into being"}`);
  return row;
};
