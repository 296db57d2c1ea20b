import { type RawBuilder, sql } from "kysely";
import type { Session } from "../db/session.ts";
import type { Schema } from "../schema/entities.ts";

/**
 * The rows of a table that belong to a row of another one, by a column. "deleted": a statement of the purge removes them, in the order of
 * the list; "follows": a foreign key or a trigger does; "options": `removeOptions` does, or the purger later, in batches.
 */
type Owned = { readonly table: keyof Schema; readonly column: string; readonly goes: "deleted" | "follows" | "options" };

/** An owner of rows: the tables that have them, and the kind under which an import remembers it by hashes of its names. */
type Owner = { readonly origin?: string; readonly tables: readonly Owned[] };

const deleted = (column: string, ...tables: readonly (keyof Schema)[]): Owned[] =>
  tables.map((table) => ({ table, column, goes: "deleted" }));
const follows = (column: string, ...tables: readonly (keyof Schema)[]): Owned[] =>
  tables.map((table) => ({ table, column, goes: "follows" }));

/**
 * The tables whose rows are removed when something that they belong to is purged, keyed by what is purged. A test compares these tables with the
 * database schema.
 */
export const ownedTables = {
  users: {
    origin: "user",
    tables: [
      ...deleted("user_id", "user_profile", "user_option", "user_email", "user_permission", "role_member", "organization_member"),
      ...deleted("user_id", "identity", "auth_identity", "authenticator", "password_reset", "user_ip", "account_contact"),
      ...deleted("user_id", "user_merge", "user_hold"),
      ...follows("user_id", "option_revision", "parted_history", "user_activity", "user_search"),
    ],
  },
  organization: {
    origin: "organization",
    tables: [
      ...deleted("organization_id", "project", "team", "organization_member", "auth_provider"),
      ...follows("organization_id", "team_member"),
    ],
  },
  project: { origin: "project", tables: follows("project_id", "project_team") },
  team: { origin: "team", tables: follows("team_id", "project_team", "team_member") },
  account: { origin: "account", tables: deleted("account_id", "user_profile", "resource", "account_contact") },
  user_merge: { tables: follows("merge_id", "merge_part", "merge_move", "merge_discard") },
  organization_member: { tables: follows("member_id", "team_member") },
  auth_provider: { tables: deleted("provider_id", "auth_identity") },
  // Services that registered a resource learn of its end from the change log: a resource must not keep a person's data for ever.
  user_profile: { tables: deleted("owner_profile_id", "resource") },
  scope: {
    tables: (["user_option", "option_revision", "parted_history", "scope_option", "purged_scope"] as const).map((table) => ({
      table,
      column: "scope_id",
      goes: "options",
    })),
  },
} as const satisfies Record<string, Owner>;

/** Something that is purged with what belongs to it. */
export type Purged = Exclude<keyof typeof ownedTables, "scope">;

/** Returns the conditions on rows `x` of all tables that go with some rows of a table, and on these. `ids` are their ids. */
export const rowsGoingWith = (
  table: string,
  ids: RawBuilder<unknown>,
  column = "id",
): readonly { readonly table: string; readonly isMeant: RawBuilder<unknown> }[] => {
  const { tables = [] }: Partial<Owner> = (ownedTables as Partial<Record<string, Owner>>)[table] ?? {};
  const rows = column === "id" ? ids : sql`select id from ${sql.table(table)} where ${sql.ref(column)} in (${ids})`;
  const below = tables.flatMap((owned) => (owned.goes === "options" ? [] : rowsGoingWith(owned.table, rows, owned.column)));
  return [...below, { table, isMeant: sql`${sql.ref(`x.${column}`)} in (${ids})` }];
};

/** Deletes the rows of a table whose column is among some ids, after the rows that belong to them. */
const deleteRows = async (tx: Session, table: keyof Schema, column: string, ids: RawBuilder<unknown>): Promise<void> => {
  const { origin, tables = [] }: Partial<Owner> = (ownedTables as Partial<Record<string, Owner>>)[table] ?? {};
  const rows = column === "id" ? ids : sql`select id from ${sql.table(table)} where ${sql.ref(column)} in (${ids})`;
  if (origin !== undefined) await tx.rows(sql`delete from import_origin where kind = ${origin} and id in (${rows})`);
  for (const owned of tables) if (owned.goes === "deleted") await deleteRows(tx, owned.table, owned.column, rows);
  await tx.rows(sql`delete from ${sql.table(table)} where ${sql.ref(column)} in (${ids})`);
};

/** Deletes rows by id, with all rows that belong to them (`ownedTables`) and what imports remember of them, but not the options of scopes. */
export const removeRows = (tx: Session, table: Purged, ids: readonly bigint[]): Promise<void> =>
  deleteRows(tx, table, "id", sql`select unnest(${ids.map(String)}::bigint[])`);
