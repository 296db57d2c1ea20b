import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Write } from "../db/transaction.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { requirePermission } from "../users/privileges.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";

/** GrantPermission: the user has the permission by itself from now on. */
export const grantPermission =
  ({ write }: { write: Write }): Operation<typeof UserService.method.grantPermission> =>
  (call, request) => {
    const { userId, permission, requestId } = request;
    const plan = { method: UserService.method.grantPermission, request, aggregates: [userAggregate(userId)], requestId };
    return write(call, plan, async (tx) => {
      await requirePermission(tx, "users.admin");
      await writableUser(tx, userId);
      const rows = await tx.rows(sql`
        insert into user_permission (user_id, permission) values (${userId}, ${permission})
        on conflict (user_id, permission) do nothing returning id`);
      return { granted: rows.length > 0 };
    });
  };
