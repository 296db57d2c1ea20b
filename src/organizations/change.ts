import { type RawBuilder, sql } from "kysely";
import type { Tx } from "../db/transaction.ts";
import { conflict, invalidField } from "../errors.ts";
import { OrganizationStatus } from "../gen/userd/v1/organization_pb.ts";
import { etagOf, requireEtag } from "../versions/etag.ts";
import type { Kind, NamedRow } from "./kind.ts";
import { ACTIVE, HIDDEN } from "./organization.mapping.ts";
import { drawnSlug, freeSlug, slugOf } from "./slug.ts";
import { requireLive, storedById } from "./stored.ts";

const DAY_MS = 24 * 3_600_000;

/** The fields that callers write in organizations, projects and teams. */
export type Named = {
  readonly name?: string | undefined;
  readonly slug?: string | undefined;
  readonly status?: OrganizationStatus | undefined;
  readonly etag: string;
};

/** The kind of row that a write changes, and the field of the request that violations name. */
type Of<R extends NamedRow> = {
  readonly kind: Kind<R>;
  readonly field: string;
  /** The columns that only this kind has. */
  readonly own?: Readonly<Record<string, boolean>>;
};

const statusColumn = (status: OrganizationStatus | undefined, field: string): number => {
  if (status === OrganizationStatus.DELETED) throw invalidField(`${field}.status`, "can't be set to deleted");
  return status === OrganizationStatus.HIDDEN ? HIDDEN : ACTIVE;
};

const nameColumn = (name: string | undefined, field: string): string => {
  if (name === undefined || name.trim() === "") throw invalidField(`${field}.name`, "must not be blank");
  return name;
};

const slugColumn = (slug: string | undefined, field: string): string => {
  if (slug === undefined || slug === "") throw invalidField(`${field}.slug`, "must not be empty");
  return slug;
};

/** The number of times that a generated slug is tried with the next number, and then as often with a drawn one. */
const ATTEMPTS = 3;

/**
 * Creates a row. A row without a slug gets one made from its name; when another write takes that slug first, the next number
 * is tried, so the race causes no error.
 * @throws ALREADY_EXISTS SLUG_TAKEN when the slug is given and another row has it.
 */
export const createRow = async <R extends NamedRow>(
  tx: Tx,
  { kind, field, own = {} }: Of<R>,
  to: Named,
  organizationId?: bigint,
): Promise<R> => {
  const name = nameColumn(to.name, field);
  const status = statusColumn(to.status, field);
  const columns = { ...(organizationId !== undefined && { organization_id: sql`${organizationId}::bigint` }), ...own };
  const names = sql.join([...Object.keys(columns), "name", "status", "slug"].map((column) => sql.ref(column)));
  const insert = async (slug: RawBuilder<string>, onConflict: RawBuilder<unknown>): Promise<R | undefined> => {
    const values = sql.join([...Object.values(columns), sql`${name}::text`, sql`${status}::smallint`, slug]);
    return tx.row(sql<R>`
      insert into ${sql.table(kind.table)} as r (${names}) select ${values} ${onConflict} returning ${kind.columns}`);
  };

  const wanted = to.slug === undefined || to.slug === "" ? undefined : to.slug;
  const slug = wanted ?? slugOf(name, kind.table);
  const within = organizationId === undefined ? sql`true` : sql`s.organization_id = ${organizationId}`;
  for (let attempt = 0; attempt < 2 * ATTEMPTS; attempt++) {
    const row =
      wanted === undefined
        ? await insert(attempt < ATTEMPTS ? freeSlug(kind.table, slug, within) : drawnSlug(slug), sql`on conflict do nothing`)
        : await insert(sql<string>`${wanted}::text`, sql``);
    if (row !== undefined) return row;
  }
  throw conflict("CONTENTION", "Too many are given the same slug at once; try again.");
};

/**
 * Changes the fields of the mask; equal values write nothing.
 * @throws ALREADY_EXISTS SLUG_TAKEN, and what requireEtag and requireLive throw.
 */
export const updateRow = async <R extends NamedRow>(
  tx: Tx,
  { kind, field, own = {} }: Of<R>,
  id: bigint,
  to: Named,
  fields: ReadonlySet<string>,
): Promise<R> => {
  const row = await storedById(tx, kind, id);
  requireLive(kind, row);
  requireEtag(to.etag, etagOf(row), kind.table);
  const name = fields.has("name") ? nameColumn(to.name, field) : row.name;
  const slug = fields.has("slug") ? slugColumn(to.slug, field) : row.slug;
  const status = fields.has("status") ? statusColumn(to.status, field) : row.status;
  const columns = { name: sql`${name}::text`, slug: sql`${slug}::text`, status: sql`${status}::smallint`, ...own };
  const names = sql.join(Object.keys(columns).map((column) => sql.ref(column)));
  const values = sql.join(Object.values(columns));
  await tx.rows(sql`
    update ${sql.table(kind.table)} set (${names}) = row(${values}), version = version + 1
    where id = ${id} and (${names}) is distinct from (${values})`);
  return storedById(tx, kind, id);
};

/**
 * Deletes a row softly: all that belongs to it stays until the grace period ends, so a deletion can be undone.
 * @throws what requireEtag and requireLive throw.
 */
export const deleteRow = async <R extends NamedRow>(tx: Tx, kind: Kind<R>, id: bigint, etag: string, days: number): Promise<R> => {
  const row = await storedById(tx, kind, id);
  requireLive(kind, row);
  requireEtag(etag, etagOf(row), kind.table);
  const now = new Date();
  await tx.rows(sql`
    update ${sql.table(kind.table)} set delete_time = ${now}, purge_time = ${new Date(now.getTime() + days * DAY_MS)}, version = version + 1
    where id = ${id}`);
  return storedById(tx, kind, id);
};

/** Restores a deleted row. No other row can have taken its slug, so nothing is in the way. */
export const undeleteRow = async <R extends NamedRow>(tx: Tx, kind: Kind<R>, id: bigint): Promise<R> => {
  await tx.rows(sql`
    update ${sql.table(kind.table)} set delete_time = null, purge_time = null, version = version + 1
    where id = ${id} and delete_time is not null`);
  return storedById(tx, kind, id);
};
