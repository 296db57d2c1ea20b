import { sql } from "kysely";
import type { Operation } from "../call.ts";
import { maskedFields } from "../db/mask.ts";
import type { Tx, Write } from "../db/transaction.ts";
import { invalidField } from "../errors.ts";
import { RoleSchema } from "../gen/userd/v1/role_pb.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { requirePermission } from "../users/privileges.ts";
import { rolesAggregate } from "../versions/aggregate.ts";
import { etagOfLife, requireEtag } from "../versions/etag.ts";
import { toRole } from "./role.mapping.ts";
import { type RoleRow, storedRole } from "./role.select.ts";

/** Writes the difference only: equal permissions move no version. */
const setPermissions = async (tx: Tx, { id, permissions: before }: RoleRow, after: readonly string[]): Promise<void> => {
  const gone = before.filter((permission) => !after.includes(permission));
  const added = after.filter((permission) => !before.includes(permission));
  if (gone.length + added.length === 0) return;
  await tx.rows(sql`delete from role_permission where role_id = ${id} and permission = any(${gone}::text[])`);
  await tx.rows(sql`insert into role_permission (role_id, permission) select ${id}, unnest(${added}::text[])`);
  await tx.rows(sql`update role set update_time = statement_timestamp(), version = version + 1 where id = ${id}`);
};

/** UpdateRole: other permissions for a role, and so for its users. */
export const updateRole =
  ({ write }: { write: Write }): Operation<typeof UserService.method.updateRole> =>
  (call, request) => {
    const { role } = request;
    if (role === undefined) throw invalidField("role", "is required");
    const fields = maskedFields(RoleSchema, role, request.updateMask);
    return write(call, { method: UserService.method.updateRole, request, aggregates: [rolesAggregate] }, async (tx) => {
      await requirePermission(tx, "users.admin");
      const row = await storedRole(tx, role.name);
      requireEtag(role.etag, etagOfLife(row), "role");
      if (fields.has("permissions")) await setPermissions(tx, row, role.permissions);
      return { role: toRole(await storedRole(tx, role.name)) };
    });
  };
