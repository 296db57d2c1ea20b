import { sql } from "kysely";
import type { Call } from "../call.ts";
import type { Tx } from "../db/transaction.ts";
import { type DomainError, forbidden } from "../errors.ts";
import type { Permission } from "../permissions.ts";
import { heldPermissions } from "../roles/held-permissions.ts";

const lacking = (who: string, permission: Permission): DomainError =>
  forbidden("PERMISSION_REQUIRED", `${who} lacks the permission ${permission}.`, { metadata: { permission } });

const assertCaller = ({ caller }: Call, permission: Permission): void => {
  if (!caller.permissions.has(permission)) throw lacking("The caller", permission);
};

/**
 * The caller has the permission, and the user that it acts for, if any, has been granted it too, itself or by a role.
 * Called in the transaction of what it guards.
 * @throws PERMISSION_DENIED PERMISSION_REQUIRED.
 */
export const assertMay = async (tx: Tx, permission: Permission): Promise<void> => {
  const { call } = tx;
  assertCaller(call, permission);
  if (call.actingUserId === undefined) return;
  const { rows } = await sql`
    select from ${heldPermissions} held join users u on u.id = held.user_id
    where held.user_id = ${call.actingUserId} and held.permission = ${permission} and u.is_active limit 1`.execute(tx.sql, tx.abort);
  if (rows.length === 0) throw lacking("The acting user", permission);
};
