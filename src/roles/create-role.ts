import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Write } from "../db/transaction.ts";
import { invalidField } from "../errors.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { requirePermission } from "../users/privileges.ts";
import { rolesAggregate } from "../versions/aggregate.ts";
import { toRole } from "./role.mapping.ts";
import { storedRole } from "./role.select.ts";

/** CreateRole: a role and its permissions; that its name is free is a constraint. */
export const createRole =
  ({ write }: { write: Write }): Operation<typeof UserService.method.createRole> =>
  (call, request) => {
    const { role, requestId } = request;
    if (role === undefined) throw invalidField("role", "is required");
    return write(call, { method: UserService.method.createRole, request, aggregates: [rolesAggregate], requestId }, async (tx) => {
      await requirePermission(tx, "users.admin");
      await tx.rows(sql`
        with created as (insert into role (name) values (${role.name}) returning id)
        insert into role_permission (role_id, permission) select id, unnest(${role.permissions}::text[]) from created`);
      return { role: toRole(await storedRole(tx, role.name)) };
    });
  };
