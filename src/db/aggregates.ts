import { sql } from "kysely";
import type { Aggregate, VersionedAggregate } from "../versions/aggregate.ts";
import type { Notification } from "../versions/notification.ts";
import { compiled, place } from "./compiled.ts";
import type { Session } from "./session.ts";

/** Compares aggregates in the order in which they are locked. */
const ascending = (a: Aggregate, b: Aggregate): number =>
  a.kind === b.kind ? (a.id < b.id ? -1 : a.id > b.id ? 1 : 0) : a.kind < b.kind ? -1 : 1;

const aggregateArrays = (aggregates: readonly Aggregate[]) =>
  sql`unnest(${aggregates.map(({ kind }) => kind)}::text[], ${aggregates.map(({ id }) => String(id))}::bigint[])`;

/** The most aggregates that are locked one by one. */
const MAX_LISTED = 16;

/** Returns aggregates in the order in which they are locked. */
export const inOrder = (aggregates: readonly Aggregate[]): readonly Aggregate[] =>
  aggregates.length < 2 ? aggregates : [...aggregates].sort(ascending);

/** Returns the kinds and the ids of aggregates in the order in which they are locked, for `lock_aggregates` of the database; undefined = they are too many. */
export const listed = (
  aggregates: readonly Aggregate[],
): { readonly kinds: readonly string[]; readonly ids: readonly string[] } | undefined => {
  if (aggregates.length > MAX_LISTED) return undefined;
  const sorted = inOrder(aggregates);
  return { kinds: sorted.map(({ kind }) => kind), ids: sorted.map(({ id }) => String(id)) };
};

const lockListed = compiled(sql`select lock_aggregates(${place("kinds")}::text[], ${place("ids")}::bigint[])`);

/** Locks the version rows of aggregates in ascending order, since unsorted locks deadlock. Missing rows are inserted with version 0. */
export const lockAggregates = async (tx: Session, aggregates: readonly Aggregate[]): Promise<void> => {
  if (aggregates.length === 0) return;
  const few = listed(aggregates);
  if (few !== undefined) return void (await tx.rows(lockListed(few)));
  const wanted = aggregateArrays(inOrder(aggregates));
  const lock = () =>
    tx.rows(sql`select from aggregate_version s
      where (s.kind, s.id) in (select kind, id from ${wanted} as w (kind, id))
      order by s.kind, s.id for update`);
  const rows = await lock();
  if (rows.length === aggregates.length) return;
  // Without a transaction id, so that a change in this transaction still raises the version.
  await tx.rows(sql`insert into aggregate_version (kind, id, version, xid)
    select kind, id, 0, '0'::xid8 from ${wanted} as w (kind, id) order by kind, id
    on conflict (kind, id) do nothing`);
  await lock();
};

/** Tells whether an aggregate comes with its current version. */
export const isVersioned = (aggregate: Aggregate | VersionedAggregate): aggregate is VersionedAggregate => "version" in aggregate;

/** What each write asks at its end: the epoch, and versions as texts. */
type Ended = { readonly epoch: string; readonly versions: readonly string[] };

const endWrite = compiled(sql<Ended>`
  select epoch, versions from end_write(${place("kinds")}::text[], ${place("ids")}::bigint[])`);

/** Adds to aggregates their versions, which come in the same order. */
const withVersions = (aggregates: readonly Aggregate[], versions: Ended["versions"]): readonly VersionedAggregate[] =>
  aggregates.map(({ kind, id }, index) => ({ kind, id, version: BigInt(versions[index] ?? 0) }));

/**
 * Returns the epoch, and the versions that the aggregates touched by a write have once the write is committed. They are read unless `known` has all
 * of them.
 */
export const versionsOf = async (
  tx: Session,
  touched: readonly (Aggregate | VersionedAggregate)[],
  known?: Notification,
): Promise<Notification> => {
  const aggregates = touched.filter((aggregate) => !isVersioned(aggregate));
  const along = touched.filter(isVersioned);
  if (known !== undefined && aggregates.every(({ kind, id }) => known.aggregates.some((one) => one.kind === kind && one.id === id))) {
    return { epoch: known.epoch, aggregates: [...known.aggregates, ...along] };
  }
  const arrays = { kinds: aggregates.map(({ kind }) => kind), ids: aggregates.map(({ id }) => String(id)) };
  const { epoch, versions } = await tx.one(endWrite(arrays));
  return { epoch, aggregates: [...withVersions(aggregates, versions), ...along] };
};
