import { sql } from "kysely";
import type { Call } from "../call.ts";
import type { Tx } from "../db/write.ts";
import { type DomainError, forbidden } from "../errors.ts";
import type { Permission } from "../permissions.ts";
import { permissionSources } from "../roles/permission-sources.ts";
import { presentUser } from "./present.ts";

const lacking = (who: string, permission: Permission): DomainError =>
  forbidden("PERMISSION_REQUIRED", `${who} lacks the permission ${permission}.`, { metadata: { permission } });

/** Checks that the caller has a permission, whatever the acting user has. Throws PERMISSION_DENIED PERMISSION_REQUIRED. */
export const assertCaller = ({ caller }: Call, permission: Permission): void => {
  if (!caller.permissions.has(permission)) throw lacking("The caller", permission);
};

/**
 * Checks that the caller has a permission, and that the acting user, if any, is present and has it too. Call it in the transaction of the
 * write that needs the permission.
 * @throws PERMISSION_DENIED PERMISSION_REQUIRED.
 */
export const requirePermission = async (tx: Tx, permission: Permission): Promise<void> => {
  const { call } = tx;
  assertCaller(call, permission);
  if (call.actingUserId === undefined) return;
  const rows = await tx.rows(sql`
    select from users u cross join lateral ${permissionSources(sql`u.id`, sql`${permission}`)} source
    where u.id = ${call.actingUserId} and ${presentUser("u")} limit 1`);
  if (rows.length === 0) throw lacking("The acting user", permission);
};
