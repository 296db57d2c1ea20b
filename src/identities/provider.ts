import type { Value } from "@bufbuild/protobuf/wkt";
import { type RawBuilder, type Selectable, sql } from "kysely";
import { Overtaken } from "../db/overtaken.ts";
import { type Page, type Sized, withinPage } from "../db/page.ts";
import type { Session } from "../db/session.ts";
import type { Tx } from "../db/write.ts";
import { type DomainError, failedPrecondition, invalidField, notFound } from "../errors.ts";
import { jsonOf, sentBytes } from "../options/value.ts";
import type { Schema } from "../schema/entities.ts";
import { requirePermission } from "../users/privileges.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { etagOf, requireEtag } from "../versions/etag.ts";
import { withoutSignIn } from "./link.ts";

/** The two tables of providers, each with the table of its identities. */
const linksOf = { identity_provider: "identity", auth_provider: "auth_identity" } as const;

type ProviderTable = keyof typeof linksOf;

type Deletion = { readonly id: bigint; readonly etag: string; readonly force: boolean };

/** The most identities that are deleted with their provider: so a write never holds many locks, nor for long. */
const MAX_REMOVED = 10_000;

/**
 * Checks that a provider's type is not empty; the proto can't check this, since updates may omit the type. Throws INVALID_ARGUMENT
 * FIELD_INVALID.
 */
export const assertNamed = (name: string, field: string): void => {
  if (name === "") throw invalidField(field, "must be at least 1 characters");
};

const providerNotFound = (): DomainError => notFound("PROVIDER_NOT_FOUND", "There is no such provider.");

/** Reads the row of a provider as the transaction sees it. Throws NOT_FOUND PROVIDER_NOT_FOUND. */
export const storedProvider = async <T extends ProviderTable>(tx: Tx, table: T, id: bigint): Promise<Selectable<Schema[T]>> => {
  const row = await tx.row(sql<Selectable<Schema[T]>>`select * from ${sql.table(table)} where id = ${id}`);
  if (row === undefined) throw providerNotFound();
  return row;
};

/** Reads a page of the providers that meet the SQL condition `which`, ordered by id. The condition uses the alias `p` for the table. */
export const providersOf = async <T extends ProviderTable>(session: Session, table: T, page: Page, which: RawBuilder<unknown>) => {
  type Row = Selectable<Schema[T]> & Sized & { readonly id: bigint; readonly config: unknown };
  const rows = await session.rows(
    withinPage(sql<Row>`
    select p.*, octet_length(p.config::text) as bytes from ${sql.table(table)} p
    where p.id > ${page.after?.[0] ?? "0"}::bigint and ${which} order by p.id limit ${page.size + 1}`),
  );
  return page.cut(
    rows,
    ({ id }) => [id],
    ({ bytes, config }) => sentBytes(bytes ?? 0, config),
  );
};

/** Returns the JSON text of a provider's config; null = there is no config. A config that is the JSON null gives the text `null`. */
export const configJson = (config: Value | undefined): string | null => (config === undefined ? null : jsonOf(config, "provider.config"));

/** Locks the users of a provider, one more than may go with it at most: none of them can lose another way to sign in meanwhile. */
const lockUsers = async (tx: Tx, table: ProviderTable, id: bigint): Promise<ReadonlySet<bigint>> => {
  const rows = await tx.rows(sql<{ id: bigint }>`
    select s.id from aggregate_version s where s.kind = ${userAggregate(0n).kind} and s.id in (
      select user_id from ${sql.table(linksOf[table])} where provider_id = ${id} order by user_id limit ${MAX_REMOVED + 1}
    ) order by s.id for update`);
  return new Set(rows.map((row) => row.id));
};

const inUse = (identities: number, what: string): DomainError =>
  failedPrecondition("PROVIDER_IN_USE", `The provider has ${identities} identities${what}.`, {
    metadata: { identities: String(identities) },
  });

/** Removes the identities of a provider whose row is locked, so that no further ones come. */
const removeIdentities = async (tx: Tx, table: ProviderTable, id: bigint, locked: ReadonlySet<bigint>): Promise<number> => {
  const links = sql.table(linksOf[table]);
  const rows = await tx.rows(sql<{ user_id: bigint }>`delete from ${links} where provider_id = ${id} returning user_id`);
  const users = rows.map(({ user_id }) => user_id);
  if (users.some((user) => !locked.has(user))) throw new Overtaken("A user was linked to the provider");
  const stranded = await withoutSignIn(tx, users);
  if (stranded > 0) {
    throw failedPrecondition("LAST_SIGN_IN_METHOD", `For ${stranded} users it is the only way to sign in.`, {
      metadata: { users: String(stranded) },
    });
  }
  return users.length;
};

/**
 * Deletes a provider, and with `force` its identities; returns the number of deleted identities. The aggregate that the provider belongs to
 * has to be locked already. To avoid deadlocks, the users of these identities are locked before the provider's row, as in writes that link
 * users.
 * @throws PROVIDER_NOT_FOUND, ETAG_MISMATCH, PROVIDER_IN_USE, LAST_SIGN_IN_METHOD; PERMISSION_REQUIRED for force.
 */
export const deleteProvider = async (tx: Tx, table: ProviderTable, { id, etag, force }: Deletion): Promise<bigint> => {
  if (force) await requirePermission(tx, "users.admin");
  const locked = force ? await lockUsers(tx, table, id) : new Set<bigint>();
  const row = await tx.row(sql<{ version: number }>`
    select version from ${sql.table(table)} where id = ${id} for update`);
  if (row === undefined) throw providerNotFound();
  requireEtag(etag, etagOf(row), "provider");
  const { identities } = await tx.one(sql<{ identities: number }>`
    select count(*)::int as identities from ${sql.table(linksOf[table])} where provider_id = ${id}`);
  if (identities > 0 && !force) throw inUse(identities, "; force removes them too");
  if (identities > MAX_REMOVED) throw inUse(identities, `, more than the ${MAX_REMOVED} that can be removed with it`);
  const removed = identities === 0 ? 0 : await removeIdentities(tx, table, id, locked);
  await tx.rows(sql`delete from ${sql.table(table)} where id = ${id}`);
  return BigInt(removed);
};
