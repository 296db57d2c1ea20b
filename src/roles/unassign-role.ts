import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Write } from "../db/transaction.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { requirePermission } from "../users/privileges.ts";
import { writableUser } from "../users/writable-user.ts";
import { rolesAggregate, userAggregate } from "../versions/aggregate.ts";
import { storedRole } from "./role.select.ts";

/** UnassignRole: the user no longer has the role. */
export const unassignRole =
  ({ write }: { write: Write }): Operation<typeof UserService.method.unassignRole> =>
  (call, request) => {
    const { userId, roleName, requestId } = request;
    const plan = { method: UserService.method.unassignRole, request, aggregates: [rolesAggregate, userAggregate(userId)], requestId };
    return write(call, plan, async (tx) => {
      await requirePermission(tx, "users.admin");
      await writableUser(tx, userId);
      const { id } = await storedRole(tx, roleName);
      const rows = await tx.rows(sql`delete from role_member where user_id = ${userId} and role_id = ${id} returning id`);
      return { unassigned: rows.length > 0 };
    });
  };
