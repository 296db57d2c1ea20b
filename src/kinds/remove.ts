import { type RawBuilder, sql } from "kysely";
import { type Kind, ORGANIZATION } from "../contract/kinds/kind.ts";
import { lockAggregates } from "../db/aggregates.ts";
import type { Session } from "../db/session.ts";
import type { KindSet } from "../schema/kind-set.ts";
import { type Aggregate, kindsAggregate, sharedAggregate } from "../versions/aggregate.ts";

/**
 * A place where rows refer to something, and what is done with them when that is removed for good. The rows of a link go, and the
 * resource whose links they are has another etag from then on.
 */
type Place = {
  /** The name of the kind whose resources refer. */
  readonly kind: string;
  readonly table: string;
  readonly column: string;
  readonly isCleared: boolean;
  readonly linked?: { readonly table: string; readonly column: string };
};

/**
 * The places that refer to a model; those that go with their organization are not asked for by it. Records of large kinds are removed before
 * (`removeRecordsBelow`), and a foreign key removes those that came since.
 */
const placesOf = ({ kinds }: KindSet, model: string): readonly Place[] =>
  kinds
    .filter(({ isLarge }) => !isLarge)
    .flatMap(({ name: kind, table, columns, links }) => [
      ...columns.flatMap(({ name, reference }) =>
        reference?.to.name === model ? [{ kind, table, column: name, isCleared: reference.deletion === "set null" }] : [],
      ),
      ...links.flatMap((link) =>
        link.to.name === model
          ? [{ kind, table: link.table, column: link.column, isCleared: false, linked: { table, column: `${kind}_id` } }]
          : [],
      ),
    ]);

/** Makes the condition that a column refers to something that is about to go. */
type Refers = (column: string) => RawBuilder<unknown>;

/** The rows of one table that go with something, or whose references to it are set to null; `isMeant` is the condition on them. */
export type Referring = Pick<Place, "table" | "column" | "isCleared" | "linked"> & { readonly isMeant: RawBuilder<unknown> };

/** Returns the rows that refer to something of a model, each behind those that refer to it in turn. */
export const referringRows = (kinds: KindSet, model: string, refers: Refers): readonly Referring[] =>
  placesOf(kinds, model).flatMap(({ kind, ...place }) => {
    const isMeant = refers(place.column);
    const own = (column: string) => sql`${sql.ref(column)} in (select id from ${sql.table(place.table)} where ${isMeant})`;
    const isTree = !place.isCleared && place.linked === undefined;
    return [...(isTree ? referringRows(kinds, kind, own) : []), { ...place, isMeant }];
  });

/**
 * Deletes the rows that refer to something of a model, and what refers to these in turn, or sets the references to null, as they declare. Foreign
 * keys would do it too, but would leave the etags of the resources that stay.
 */
const drop = async (tx: Session, model: string, refers: Refers): Promise<void> => {
  for (const { table, column, isCleared, linked, isMeant } of referringRows(tx.kinds, model, refers)) {
    if (isCleared) {
      await tx.rows(sql`update ${sql.table(table)} set ${sql.ref(column)} = null, etag = etag + 1 where ${isMeant}`);
      continue;
    }
    if (linked !== undefined)
      await tx.rows(sql`
        update ${sql.table(linked.table)} set etag = etag + 1
        where id in (select ${sql.ref(linked.column)} from ${sql.table(table)} where ${isMeant})`);
    await tx.rows(sql`delete from ${sql.table(table)} where ${isMeant}`);
  }
};

/**
 * Removes resources of a kind for good. Rows that refer to them are deleted too, or their references set to null. The aggregates of `locksOf`
 * have to be locked already.
 */
export const removeResources = async (tx: Session, { name, table }: Kind, ids: readonly bigint[]): Promise<void> => {
  const among = sql`any(${ids.map(String)}::bigint[])`;
  await drop(tx, name, (column) => sql`${sql.ref(column)} = ${among}`);
  await tx.rows(sql`delete from ${sql.table(table)} where id = ${among}`);
};

/** Deletes the rows that refer to a resource, or sets the references to null. The aggregates of these rows have to be locked already. */
export const dropReferring = (tx: Session, { name }: Kind, id: bigint): Promise<void> =>
  drop(tx, name, (column) => sql`${sql.ref(column)} = ${id}`);

/**
 * Deletes the rows that refer to a resource in organizations that no longer share the resource, or sets the references to null. The
 * `kindsAggregate` of each organization has to be locked already.
 */
export const dropOfLeaving = (tx: Session, { name }: Kind, id: bigint, organizationIds: readonly bigint[]): Promise<void> =>
  drop(tx, name, (column) => sql`${sql.ref(column)} = ${id} and organization_id = any(${organizationIds.map(String)}::bigint[])`);

/** Locks the kinds of organizations in ascending order, before rows that a write to a kind may hold. */
export const lockKinds = async (tx: Session, organizations: RawBuilder<unknown>): Promise<readonly Aggregate[]> => {
  const rows = await tx.rows(sql<{ id: bigint }>`
    select s.id from aggregate_version s where s.kind = 'kinds:organization' and s.id in (${organizations}) order by s.id for update`);
  return rows.map(({ id }) => kindsAggregate(id));
};

/** What kinds can refer to, and is purged with a receipt. */
type Referred = "project" | "team" | "user";

const refersTo =
  (ids: readonly string[]): Refers =>
  (column) =>
    sql`${sql.ref(column)} = any(${ids}::bigint[])`;

/**
 * Locks the kinds of the organizations in which resources refer to projects, teams or users about to be purged: before any row, as every write to a
 * resource does. Returns the aggregates.
 */
export const lockReferences = async (tx: Session, model: Referred, ids: readonly string[]): Promise<readonly Aggregate[]> => {
  const places = placesOf(tx.kinds, model);
  if (places.length === 0) return [];
  const refers = refersTo(ids);
  const owners = places.map(({ table, column }) => sql`select organization_id from ${sql.table(table)} where ${refers(column)}`);
  return lockKinds(tx, sql.join(owners, sql` union `));
};

/**
 * Deletes the rows of kinds that refer to projects, teams or users about to be purged, or sets the references to null, in the organizations that
 * `lockReferences` has locked.
 */
export const dropReferences = async (tx: Session, model: Referred, ids: readonly string[], locked: readonly Aggregate[]): Promise<void> => {
  if (locked.length === 0) return;
  const refers = refersTo(ids);
  // A reference that another organization has got meanwhile is left to the foreign key: that organization is not locked.
  const isLocked = sql`organization_id = any(${locked.map(({ id }) => String(id))}::bigint[])`;
  await drop(tx, model, (column) => sql`${refers(column)} and ${isLocked}`);
};

/** A resource that an organization shares; `is_last` = it shares it with nobody. */
type Shared = { readonly id: bigint; readonly is_last: boolean };

const sharedOf = (tx: Session, { name, sharedBy = "" }: Kind, organizationId: bigint): Promise<Shared[]> => {
  const resource = sql.ref(`s.${name}_id`);
  return tx.rows(sql<Shared>`
    select ${resource} as id, not exists (
      select from ${sql.table(sharedBy)} o where ${sql.ref(`o.${name}_id`)} = ${resource} and o.organization_id <> ${organizationId}) as is_last
    from ${sql.table(sharedBy)} s where s.organization_id = ${organizationId}`);
};

const sharedKinds = ({ kinds: { kinds } }: Session): readonly Kind[] => kinds.filter(({ sharedBy }) => sharedBy !== undefined);

/** Takes from an organization what it shares with others; what it shares with nobody goes. */
const dropShared = async (tx: Session, organizationId: bigint): Promise<void> => {
  for (const kind of sharedKinds(tx)) {
    // Under the locks: the other organization that shared it may have been purged meanwhile.
    const { last = [], others = [] } = Object.groupBy(await sharedOf(tx, kind, organizationId), (row) => (row.is_last ? "last" : "others"));
    const ids = (some: readonly Shared[]) => some.map(({ id }) => id);
    await removeResources(tx, kind, ids(last));
    await tx.rows(sql`delete from ${sql.table(kind.sharedBy ?? "")} where organization_id = ${organizationId}`);
    await tx.rows(sql`update ${sql.table(kind.table)} set etag = etag + 1 where id = any(${ids(others).map(String)}::bigint[])`);
  }
};

/** Locks the resources of all kinds in an organization that is being purged, and returns the aggregates. */
export const lockResourcesOf = async (tx: Session, organizationId: bigint): Promise<readonly Aggregate[]> => {
  const own = kindsAggregate(organizationId);
  // Also where it had no version: a first resource that is being made waits here, and not at the rows that it refers to.
  await lockAggregates(tx, [own]);
  const found: Shared[] = [];
  for (const kind of sharedKinds(tx)) found.push(...(await sharedOf(tx, kind, organizationId)));
  // Resources of several kinds can have one id, and with it one aggregate. Of all kinds at once, since locks are taken in ascending order.
  const shared = [...new Set(found.map(({ id }) => id))].map(sharedAggregate);
  if (shared.length > 0) await lockAggregates(tx, shared);
  return [own, ...shared];
};

/**
 * Deletes the resources of all kinds in an organization that is being purged. Resources shared with other organizations stay, but no longer
 * belong to this one. The aggregates of `lockResourcesOf` have to be locked already.
 */
export const dropResourcesOf = async (tx: Session, organizationId: bigint): Promise<void> => {
  const { kinds } = tx.kinds;
  for (const kind of kinds) {
    const isOfKind = kinds.some(({ name }) => name === kind.parent.reference?.to.name);
    if (kind.belongsTo?.to === ORGANIZATION && !kind.isLarge && !isOfKind)
      await tx.rows(sql`delete from ${sql.table(kind.table)} where organization_id = ${organizationId}`);
  }
  await dropShared(tx, organizationId);
};
