import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Write } from "../db/transaction.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { requirePermission } from "../users/privileges.ts";
import { writableUser } from "../users/writable-user.ts";
import { rolesAggregate, userAggregate } from "../versions/aggregate.ts";
import { storedRole } from "./roles.ts";

const { method } = UserService;

/** AssignRole: the user has the role from now on. */
export const assignRole =
  ({ write }: { write: Write }): Operation<typeof method.assignRole> =>
  (call, request) => {
    const { userId, roleName } = request;
    return write(call, { method: method.assignRole, request, aggregates: [rolesAggregate, userAggregate(userId)] }, async (tx) => {
      await requirePermission(tx, "users.admin");
      await writableUser(tx, userId);
      const { id } = await storedRole(tx, roleName);
      const rows = await tx.rows(sql`
        insert into role_member (user_id, role_id) values (${userId}, ${id}) on conflict (user_id, role_id) do nothing returning id`);
      return { assigned: rows.length > 0 };
    });
  };

/** UnassignRole: the user no longer has the role. */
export const unassignRole =
  ({ write }: { write: Write }): Operation<typeof method.unassignRole> =>
  (call, request) => {
    const { userId, roleName } = request;
    return write(call, { method: method.unassignRole, request, aggregates: [rolesAggregate, userAggregate(userId)] }, async (tx) => {
      await requirePermission(tx, "users.admin");
      await writableUser(tx, userId);
      const { id } = await storedRole(tx, roleName);
      const rows = await tx.rows(sql`delete from role_member where user_id = ${userId} and role_id = ${id} returning id`);
      return { unassigned: rows.length > 0 };
    });
  };

/** GrantPermission: the user has the permission by itself from now on. */
export const grantPermission =
  ({ write }: { write: Write }): Operation<typeof method.grantPermission> =>
  (call, request) => {
    const { userId, permission } = request;
    return write(call, { method: method.grantPermission, request, aggregates: [userAggregate(userId)] }, async (tx) => {
      await requirePermission(tx, "users.admin");
      await writableUser(tx, userId);
      const rows = await tx.rows(sql`
        insert into user_permission (user_id, permission) values (${userId}, ${permission})
        on conflict (user_id, permission) do nothing returning id`);
      return { granted: rows.length > 0 };
    });
  };

/** RevokePermission: takes back what was granted to the user itself. */
export const revokePermission =
  ({ write }: { write: Write }): Operation<typeof method.revokePermission> =>
  (call, request) => {
    const { userId, permission } = request;
    return write(call, { method: method.revokePermission, request, aggregates: [userAggregate(userId)] }, async (tx) => {
      await requirePermission(tx, "users.admin");
      await writableUser(tx, userId);
      const rows = await tx.rows(sql`
        delete from user_permission where user_id = ${userId} and permission = ${permission} returning id`);
      return { revoked: rows.length > 0 };
    });
  };
