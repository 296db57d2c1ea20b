import { sql } from "kysely";
import type { Session } from "../db/session.ts";
import type { Tx } from "../db/transaction.ts";
import { dropReferences } from "../kinds/remove.ts";
import { OWNER, owners } from "../organizations/owners.ts";
import type { Schema } from "../schema/entities.ts";
import { canonicalNameAggregate } from "../versions/aggregate.ts";

/** Tables whose rows belong to a user and don't go with it by themselves. A test holds it against the foreign keys. */
export const ownedTables = [
  "user_option",
  "user_email",
  "user_permission",
  "role_member",
  "organization_member",
  "identity",
  "auth_identity",
  "authenticator",
  "password_reset",
  "user_ip",
  "account_contact",
  "user_profile",
] as const satisfies readonly (keyof Schema)[];

/** A transaction of the service, or of the worker, which has no call. */
export type PurgeTx = Session & Partial<Pick<Tx, "touch">>;

/** Locks the names that become free, in ascending order, and moves their versions, as every write that drops a name does. */
const dropNames = async (tx: PurgeTx, ids: readonly string[]): Promise<void> => {
  const rows = await tx.rows(sql<{ name: string; version: bigint }>`
    insert into canonical_name as h (name, version)
    select name, 1 from (
      select username_canonical as name from users where id = any(${ids}::bigint[])
      union
      select email_canonical from user_email where user_id = any(${ids}::bigint[])
      union
      -- As externalCanonicalName makes it.
      select 'external:' || encode(sha256(convert_to(external_id, 'UTF8')), 'hex') from users where id = any(${ids}::bigint[]) and external_id is not null
    ) dropped order by name
    on conflict (name) do update set version = h.version + 1
    returning h.name, h.version`);
  for (const { name, version } of rows) tx.touch?.({ ...canonicalNameAggregate(name), version });
};

/** The organizations that would have no owner left who is present. */
const leftWithoutOwner = async (tx: PurgeTx, ids: readonly string[]): Promise<bigint[]> => {
  const rows = await tx.rows(sql<{ organization_id: bigint }>`
    select distinct o.organization_id from organization_member o
    where o.user_id = any(${ids}::bigint[]) and o.role = ${sql.lit(OWNER)}
      and not exists (${owners(sql`o.organization_id`)} and m.user_id <> all(${ids}::bigint[]))
    order by 1`);
  return rows.map(({ organization_id }) => organization_id);
};

/** The owners of the resources learn of it from the change log: one resource must not keep a person's data for ever. */
const dropResources = (tx: PurgeTx, ids: readonly string[]) =>
  tx.rows(sql`
    delete from resource where owner_profile_id in (
      select id from user_profile where user_id = any(${ids}::bigint[]))`);

/** An import remembers hashes of names: they go with what bore these. */
export const forgetOrigins = (tx: PurgeTx, kind: "user" | "organization" | "project" | "team", ids: readonly string[]) =>
  tx.rows(sql`delete from import_origin where kind = ${kind} and id = any(${ids}::bigint[])`);

/**
 * Removes users and all that belongs to them; their versions, and those of their accounts and organizations, are locked
 * already. The change log keeps their ids, which are never used again, and nothing that says who they were.
 * @returns the organizations whose last owner went: they stay, for somebody to look after.
 */
export const purgeUsers = async (tx: PurgeTx, users: readonly bigint[]): Promise<readonly bigint[]> => {
  const ids = users.map(String);
  const ownerless = await leftWithoutOwner(tx, ids);
  for (const aggregate of await dropReferences(tx, "user", ids)) tx.touch?.(aggregate);
  await dropNames(tx, ids);
  await dropResources(tx, ids);
  await forgetOrigins(tx, "user", ids);
  for (const table of ownedTables) {
    await tx.rows(sql`delete from ${sql.table(table)} where user_id = any(${ids}::bigint[])`);
  }
  await tx.rows(sql`delete from users where id = any(${ids}::bigint[])`);
  return ownerless;
};
