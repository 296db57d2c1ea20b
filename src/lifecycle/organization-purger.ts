import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import type { Kind } from "../contract/kinds/kind.ts";
import { lockAggregates } from "../db/aggregates.ts";
import { inTransaction } from "../db/in-transaction.ts";
import type { Database } from "../db/orm.ts";
import type { Session } from "../db/session.ts";
import { largeBelow, type RemovedRecords, removeRecordsBelow } from "../kinds/records.ts";
import { removeResources } from "../kinds/remove.ts";
import { locksOf } from "../kinds/stored.ts";
import type { Scope } from "../options/scope.ts";
import type { KindSet } from "../schema/kind-set.ts";
import type { AggregateKind } from "../versions/aggregate.ts";
import type { Eraser } from "./erasure/eraser.ts";
import { eraseScope } from "./record-scope.ts";
import { type Purgeable, purgeable } from "./remove-scopes.ts";
import { forgetRevisions } from "./scope-history.ts";

/** The name of the writer in the change log. */
const PURGER = "userd purger";

/** The most options that one transaction deletes. */
const BATCH = 2_000;

/** A table whose rows are purged when they are due: the function that locks one of them, and the one that removes it. */
type Due = {
  readonly table: string;
  /** The name of what its rows are, by which kinds refer to them. */
  readonly name: string;
  readonly lockOne: (tx: Session) => Promise<bigint | undefined>;
  /** How it is removed: as something that has receipts, or by a function. */
  readonly remove: Purgeable | ((tx: Session, id: bigint) => Promise<void>);
};

/** Makes the function that locks the aggregate of the first row that is due. One that somebody else has locked is left to the next round. */
const lockFree = (table: string, aggregate: AggregateKind, aggregateId: string) => async (tx: Session) => {
  const locked = await tx.row(sql<{ id: bigint }>`
    select r.id from ${sql.table(table)} r join aggregate_version s on s.kind = ${aggregate} and s.id = r.${sql.ref(aggregateId)}
    where r.purge_time <= now() order by r.purge_time, r.id limit 1 for update of s skip locked`);
  return locked?.id;
};

/** Makes the function that locks the aggregates of the first shared resource that is due, and waits for them: there are several. */
const lockShared = (kind: Kind) => async (tx: Session) => {
  const found = await tx.row(sql<{ id: bigint }>`
    select id from ${sql.table(kind.table)} where purge_time <= now() order by purge_time, id limit 1`);
  if (found !== undefined) await lockAggregates(tx, await locksOf(kind, found.id)(tx));
  return found?.id;
};

/** In this order, since projects, teams and resources of kinds are removed with their organization. */
const dueOf = ({ kinds }: KindSet): readonly Due[] => [
  ...Object.entries(purgeable).map(
    ([table, { aggregate, aggregateId }]): Due => ({
      table,
      name: table,
      lockOne: lockFree(table, aggregate, aggregateId),
      remove: table as Purgeable,
    }),
  ),
  ...kinds
    .filter(({ isSoft }) => isSoft)
    .map(
      (kind): Due => ({
        table: kind.table,
        name: kind.name,
        lockOne: kind.sharedBy === undefined ? lockFree(kind.table, "kinds:organization", "organization_id") : lockShared(kind),
        remove: (tx, id) => removeResources(tx, kind, [id]),
      }),
    ),
];

/** Removes the records below the first row that is due, which may be too many for the transaction that removes the row. Returns both. */
const removeRecords = async (db: Database, { table, name }: Due, stopped: AbortSignal): Promise<RecordsOf | undefined> => {
  if (largeBelow(db.kinds, name).length === 0) return undefined;
  const first = await db.session().row(sql<{ id: bigint }>`
    select id from ${sql.table(table)} where purge_time <= now() order by purge_time, id limit 1`);
  if (first === undefined) return undefined;
  return { id: first.id, records: await removeRecordsBelow(db.session(), { name, ids: [first.id] }, stopped) };
};

/** The records that were removed below a row. */
type RecordsOf = { readonly id: bigint; readonly records: RemovedRecords };

/** Removes one row that is due; returns how many it removed. */
const removeOne = (db: Database, { table, lockOne, remove }: Due, eraser: Eraser, before: RecordsOf | undefined): Promise<number> =>
  inTransaction(db, PURGER, async (tx) => {
    const id = await lockOne(tx);
    if (id === undefined) return 0;
    // Read again under the lock: it may have been undeleted meanwhile.
    const still = await tx.rows(sql`
      select from ${sql.table(table)} where id = ${id} and purge_time <= now()`);
    if (still.length === 0) return 0;
    const records: RemovedRecords = before?.id === id ? before.records : new Map();
    if (typeof remove === "function") await remove(tx, id);
    else await eraser.sealed((await eraseScope(tx, { kind: remove, id }, eraser, records)).receipts);
    return still.length;
  });

type PurgedScope = { readonly id: bigint; readonly scope_kind: 1 | 2; readonly scope_id: bigint };

/** Deletes a batch of the options of a purged scope, which no read shows, and with the last its mark. Users that are being written wait. */
const removeBatch = (db: Database, { id, scope_kind: kind, scope_id: scopeId }: PurgedScope): Promise<number> =>
  inTransaction(db, PURGER, async (tx) => {
    const mine = await tx.rows(sql`select from purged_scope where id = ${id} for update skip locked`);
    if (mine.length === 0) return 0;
    const scope: Scope = { kind, id: scopeId };
    const options = await tx.rows(sql<{ id: string; user_id: string }>`
      select id::text, user_id::text from user_option
      where scope_kind = ${kind} and scope_kind > 0 and scope_id = ${scopeId} order by user_id limit ${BATCH}`);
    const users = [...new Set(options.map(({ user_id }) => user_id))];
    const locked = await tx.rows(sql<{ id: string }>`
      select id::text from aggregate_version where kind = 'user' and aggregate_version.id = any(${users}::bigint[])
      order by aggregate_version.id for update skip locked`);
    const free = locked.map((row) => row.id);
    const gone = await tx.affected(sql`
      delete from user_option where id = any(${options.map((option) => option.id)}::bigint[]) and user_id = any(${free}::bigint[])`);
    const { users: forgotten } = await forgetRevisions(tx, [scope], BATCH);
    if (options.length + forgotten > 0) return gone + forgotten;
    const defaults = await tx.affected(sql`
      delete from scope_option where id in (
        select id from scope_option where scope_kind = ${kind} and scope_id = ${scopeId} limit ${BATCH})`);
    if (defaults > 0) return defaults;
    await tx.rows(sql`delete from purged_scope where id = ${id}`);
    return 0;
  });

/**
 * Removes the organizations, projects, teams and resources of kinds whose grace period is over; returns their number. Also deletes the options
 * of purged scopes, but first waits for `boundMs`, so that no read from a cache finds only some of a scope's options.
 * @param boundMs the staleness bound of the caches, in milliseconds.
 */
export const purgeOrganizations = async (db: Database, boundMs: number, eraser: Eraser, stopped: AbortSignal): Promise<number> => {
  let removed = 0;
  for (const one of dueOf(db.kinds)) {
    for (let rows = 1; rows > 0 && !stopped.aborted; removed += rows) {
      const before = await removeRecords(db, one, stopped);
      rows = stopped.aborted ? 0 : await removeOne(db, one, eraser, before);
    }
  }
  const dead = await db.session().rows(sql<PurgedScope>`select id, scope_kind, scope_id from purged_scope order by id`);
  // From here on, and not from the time in the row: that is the one at which its transaction began.
  if (dead.length > 0) await delay(boundMs, undefined, { ref: false, signal: stopped }).catch(() => {});
  for (const scope of dead) for (let rows = 1; rows > 0 && !stopped.aborted; ) rows = await removeBatch(db, scope);
  return removed;
};
