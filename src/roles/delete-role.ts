import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Write } from "../db/transaction.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { requirePermission } from "../users/privileges.ts";
import { rolesAggregate } from "../versions/aggregate.ts";
import { etagOfLife, requireEtag } from "../versions/etag.ts";
import { toRole } from "./role.mapping.ts";
import { storedRole } from "./role.select.ts";

/** DeleteRole: the role, its permissions and its memberships. Who assigns it locks the roles too, so that none is left. */
export const deleteRole =
  ({ write }: { write: Write }): Operation<typeof UserService.method.deleteRole> =>
  (call, request) => {
    const { name, etag, requestId, validateOnly } = request;
    const plan = { method: UserService.method.deleteRole, request, aggregates: [rolesAggregate], requestId, validateOnly };
    return write(call, plan, async (tx) => {
      await requirePermission(tx, "users.admin");
      const row = await storedRole(tx, name);
      requireEtag(etag, etagOfLife(row), "role");
      await tx.rows(sql`delete from role_member where role_id = ${row.id}`);
      await tx.rows(sql`delete from role_permission where role_id = ${row.id}`);
      await tx.rows(sql`delete from role where id = ${row.id}`);
      return { role: toRole(row) };
    });
  };
