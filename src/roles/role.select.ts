import type { Kysely } from "kysely";
import { sql } from "kysely";
import type { Tx } from "../db/transaction.ts";
import { notFound } from "../errors.ts";
import type { Schema } from "../schema/entities.ts";

/** Every read of roles is this query and a condition. */
export const selectRoles = (db: Kysely<Schema>) =>
  db
    .selectFrom("role")
    .select([
      "role.id",
      "role.name",
      "role.version",
      "role.create_time",
      "role.update_time",
      sql<string[]>`array(select permission from role_permission where role_id = role.id order by permission)`.as("permissions"),
    ]);

/** A role as `selectRoles` returns it. */
export type RoleRow = Awaited<ReturnType<ReturnType<typeof selectRoles>["execute"]>>[number];

/**
 * The role with this name; the definitions of roles are locked already.
 * @throws NOT_FOUND ROLE_NOT_FOUND.
 */
export const storedRole = async (tx: Tx, name: string): Promise<RoleRow> => {
  const row = await tx.row(selectRoles(tx.sql).where("role.name", "=", name));
  if (!row) throw notFound("ROLE_NOT_FOUND", "There is no such role.");
  return row;
};
