import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Write } from "../db/transaction.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { requirePermission } from "../users/privileges.ts";
import { writableUser } from "../users/writable-user.ts";
import { rolesAggregate, userAggregate } from "../versions/aggregate.ts";
import { storedRole } from "./role.select.ts";

/** AssignRole: the user has the role from now on. */
export const assignRole =
  ({ write }: { write: Write }): Operation<typeof UserService.method.assignRole> =>
  (call, request) => {
    const { userId, roleName, requestId } = request;
    const plan = { method: UserService.method.assignRole, request, aggregates: [rolesAggregate, userAggregate(userId)], requestId };
    return write(call, plan, async (tx) => {
      await requirePermission(tx, "users.admin");
      await writableUser(tx, userId);
      const { id } = await storedRole(tx, roleName);
      const rows = await tx.rows(sql`
        insert into role_member (user_id, role_id) values (${userId}, ${id}) on conflict (user_id, role_id) do nothing returning id`);
      return { assigned: rows.length > 0 };
    });
  };
