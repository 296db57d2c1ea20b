import { type RawBuilder, sql } from "kysely";
import { isContention } from "../db/faults.ts";
import { transact } from "../db/in-transaction.ts";
import type { Database } from "../db/orm.ts";
import { BACKGROUND } from "../db/places.ts";
import { createSession, type Session } from "../db/session.ts";
import { codeOf } from "../db/unreachable.ts";
import type { AuditChain } from "./audit-chain.ts";
import type { Look, PassTransaction, SequencerDatabase } from "./sequencer-ports.ts";
import type { Head, Placed, Snapshot, Unplaced, Wanted } from "./sequencing.ts";

/** The longest that a statement of a pass may take, in milliseconds. */
const STATEMENT_MS = 30_000;
/**
 * The longest that the pass after a change of the epoch waits for writers, in milliseconds. Some write to the one log first and some to the other,
 * so the pass gives up before PostgreSQL's deadlock_timeout of a second, and tries again.
 */
const LOCK_MS = 500;

/** Reads a snapshot as the database writes it: `xmin:xmax:xid,xid,…`. */
const snapshotOf = (text: string): Snapshot => {
  const [, xmax = "0", running = ""] = text.split(":");
  return { xmax: BigInt(xmax), running: running === "" ? [] : running.split(",").map(BigInt) };
};

/** Writes a snapshot as the database reads it. */
const textOf = ({ xmax, running }: Snapshot): string => {
  const sorted = [...running].sort((a, b) => (a < b ? -1 : 1));
  return `${sorted[0] ?? xmax}:${xmax}:${sorted.join(",")}`;
};

const transactionTime = sql`extract(epoch from transaction_timestamp())::float8 * 1000`;

/** The rows of both logs for which a condition holds. A materialized one keeps the planner from reading the logs by id instead. */
const rowsWhere = (condition: (log: "changes" | "version_bump") => RawBuilder<unknown>) => sql`
  select id, change_time, false as is_bump, aggregate_kind, aggregate_id::text as aggregate_id, version from changes where ${condition("changes")}
  union all
  select id, bump_time, true, aggregate_kind, aggregate_id, version from version_bump where ${condition("version_bump")}`;

/** The rows that a snapshot does not show: a range of the index on transactions, and the few that were running. */
const unseenRows = ({ xmax, running }: Snapshot, { seenBy, afterId }: Wanted) => {
  const shown = seenBy === undefined ? sql`true` : sql`pg_visible_in_snapshot(xid, ${textOf(seenBy)}::pg_snapshot)`;
  // The rows of another cluster, from before a restore, can have any id of a transaction: above are those of the future.
  const range = sql`xid >= ${String(xmax)}::xid8 and xid < pg_snapshot_xmax(pg_current_snapshot())`;
  const were = sql`xid = any(${running.map(String)}::xid8[])`;
  const within = (xids: RawBuilder<unknown>) => rowsWhere(() => sql`${xids} and id > ${afterId} and ${shown}`);
  return running.length === 0 ? within(range) : sql`${within(range)} union all ${within(were)}`;
};

/** The rows without a position after the epoch has changed: those behind the last ones, and those that the head's snapshot did not show. */
const unplacedRows = ({ snapshot: { xmax, running }, changeId, floorId, pending }: Head) => {
  const isNew = sql`(id > ${changeId} or xid >= ${String(xmax)}::xid8 or xid = any(${running.map(String)}::xid8[]))`;
  const isTaken =
    pending === undefined
      ? sql`false`
      : sql`(id <= ${pending.id} and pg_visible_in_snapshot(xid, ${textOf(pending.snapshot)}::pg_snapshot))`;
  return rowsWhere(
    (log) =>
      sql`id > ${floorId} and ${isNew} and not ${isTaken} and not exists (select from feed f where f.change_id = ${sql.ref(`${log}.id`)})`,
  );
};

type FoundRow = {
  readonly snapshot: string;
  readonly id: bigint | null;
  readonly change_time: Date;
  readonly is_bump: boolean;
  readonly aggregate_kind: string;
  readonly aggregate_id: string;
  readonly version: bigint;
};

const toUnplaced = (row: FoundRow): Unplaced[] =>
  row.id === null
    ? []
    : [
        {
          id: row.id,
          changeTime: row.change_time,
          isBump: row.is_bump,
          aggregateKind: row.aggregate_kind,
          aggregateId: row.aggregate_id,
          version: row.version,
        },
      ];

const find = async (tx: Session, wanted: Wanted, head: Head) => {
  const rows = await tx.rows(sql<FoundRow>`
    with wanted as materialized (${wanted.unseenBy === undefined ? unplacedRows(head) : unseenRows(wanted.unseenBy, wanted)}),
      cut as (select * from wanted order by id ${wanted.limit === undefined ? sql`` : sql`limit ${wanted.limit}`})
    select pg_current_snapshot()::text as snapshot, cut.* from (select) one left join cut on true order by id`);
  return { snapshot: snapshotOf(rows[0]?.snapshot ?? ""), rows: rows.flatMap(toUnplaced) };
};

/** Stores positions and head by one statement; a chain takes three more. */
const store = async (tx: Session, { rows, head }: Placed & { readonly head: Head }, chain: AuditChain | undefined): Promise<void> => {
  const column = (of: (row: Placed["rows"][number]) => string) => rows.map(of);
  const { pending } = head;
  await tx.rows(sql`
    with placed as (
      insert into feed (position, change_id, change_time, is_bump, aggregate_kind, aggregate_id, version)
      select * from unnest(
        ${column(({ position }) => String(position))}::bigint[], ${column(({ id }) => String(id))}::bigint[],
        ${column(({ changeTime }) => changeTime.toISOString())}::timestamptz[], ${column(({ isBump }) => String(isBump))}::boolean[],
        ${column(({ aggregateKind }) => aggregateKind)}::text[], ${column(({ aggregateId }) => aggregateId)}::text[],
        ${column(({ version }) => String(version))}::bigint[])
    )
    select move_feed_head(${head.epoch}, ${head.position}::bigint, ${textOf(head.snapshot)}::pg_snapshot, ${head.changeId}::bigint,
      ${head.floorId}::bigint, ${pending === undefined ? null : textOf(pending.snapshot)}::pg_snapshot, ${pending?.id ?? null}::bigint)`);
  await chain?.append(
    tx,
    rows.filter(({ isBump }) => !isBump),
  );
};

type HeadRow = {
  readonly current: string;
  readonly database_time: number;
  readonly epoch: string;
  readonly position: bigint;
  readonly snapshot: string;
  readonly change_id: bigint;
  readonly floor_id: bigint;
  readonly pending_snapshot: string | null;
  readonly pending_id: bigint | null;
};

const lockHead: (tx: Session) => ReturnType<PassTransaction["lockHead"]> = async (tx) => {
  // What was told has to survive a failover, so the commit waits for the disk whatever the server's default is.
  const row = await tx.row(sql<HeadRow>`
    select current_epoch() as current, ${transactionTime} as database_time, h.epoch, h.position, h.snapshot::text as snapshot, h.change_id, h.floor_id,
      h.pending_snapshot::text as pending_snapshot, h.pending_id, set_config('synchronous_commit', 'on', true),
      set_config('statement_timeout', ${String(STATEMENT_MS)}, true), set_config('plan_cache_mode', 'force_generic_plan', true)
    from lock_feed_head() h`);
  if (row === undefined) return undefined;
  const pending =
    row.pending_snapshot === null || row.pending_id === null
      ? undefined
      : { snapshot: snapshotOf(row.pending_snapshot), id: row.pending_id };
  const { epoch, position, change_id: changeId, floor_id: floorId } = row;
  return {
    head: { epoch, position, snapshot: snapshotOf(row.snapshot), changeId, floorId, pending },
    epoch: row.current,
    databaseTime: row.database_time,
  };
};

const lockLog = async (tx: Session): Promise<bigint> => {
  await tx.rows(sql`select set_config('lock_timeout', ${String(LOCK_MS)}, true)`);
  await tx.rows(sql`lock table version_bump, changes in share mode`);
  const { last } = await tx.one(sql<{ last: bigint }>`
    select greatest((select coalesce(max(id), 0) from changes), (select coalesce(max(id), 0) from version_bump)) as last`);
  return last;
};

type LookRow = {
  readonly epoch: string;
  readonly head_epoch: string;
  readonly position: bigint;
  readonly database_time: number;
  readonly is_behind: boolean;
};

/** The condition that a log has a row which the head's snapshot does not show. */
const hasUnseen = (log: "changes" | "version_bump") => sql`
  exists (select from ${sql.table(log)} where xid >= (select pg_snapshot_xmax(snapshot) from h)
    and xid < pg_snapshot_xmax(pg_current_snapshot()) and id > (select floor_id from h))
  or exists (select from ${sql.table(log)} where xid = any(array(select pg_snapshot_xip(snapshot) from h)) and id > (select floor_id from h))`;

const look = async (session: Session): Promise<Look> => {
  const row = await session.one(sql<LookRow>`
    with h as materialized (select * from current_feed_head())
    select current_epoch() as epoch, ${transactionTime} as database_time, h.epoch as head_epoch, h.position,
      h.pending_id is not null or ${hasUnseen("changes")} or ${hasUnseen("version_bump")} as is_behind
    from h`);
  return {
    epoch: row.epoch,
    headEpoch: row.head_epoch,
    position: row.position,
    databaseTime: row.database_time,
    isBehind: row.is_behind,
  };
};

/** Makes the database of a sequencer, PostgreSQL or the embedded one. With a `chain`, passes add to it what they give positions. */
export const createSequencerDatabase = (db: Database, chain?: AuditChain): SequencerDatabase => ({
  look: () => look(db.session({ signal: AbortSignal.timeout(STATEMENT_MS) })),
  pass: (body) =>
    transact(db, BACKGROUND, async (transaction) => {
      const tx = createSession(transaction, db.kinds);
      return body({
        lockHead: () => lockHead(tx),
        lockLog: () => lockLog(tx),
        find: (wanted, head) => find(tx, wanted, head),
        store: (placed) => store(tx, placed, chain),
        // Who has locked a row may wait for the log, which this pass holds; and it is about to write its own transaction there.
        forgetTransactions: async () =>
          void (await tx.rows(sql`update aggregate_version set xid = '0'::xid8, told_xid = null where (kind, id) in (
            select kind, id from aggregate_version where xid >= pg_current_xact_id() for update skip locked)`)),
      });
    }).catch((error: unknown) => {
      if (isContention(error)) return "gave way";
      if (codeOf(error) === "25006") return "read only";
      throw error;
    }),
});
