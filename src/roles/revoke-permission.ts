import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Write } from "../db/transaction.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { requirePermission } from "../users/privileges.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";

/** RevokePermission: takes back what was granted to the user itself. */
export const revokePermission =
  ({ write }: { write: Write }): Operation<typeof UserService.method.revokePermission> =>
  (call, request) => {
    const { userId, permission, requestId } = request;
    const plan = { method: UserService.method.revokePermission, request, aggregates: [userAggregate(userId)], requestId };
    return write(call, plan, async (tx) => {
      await requirePermission(tx, "users.admin");
      await writableUser(tx, userId);
      const rows = await tx.rows(sql`
        delete from user_permission where user_id = ${userId} and permission = ${permission} returning id`);
      return { revoked: rows.length > 0 };
    });
  };
