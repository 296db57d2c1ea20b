import type { MessageInitShape } from "@bufbuild/protobuf";
import { sql } from "kysely";
import type { Freshness } from "../cache/freshness.ts";
import type { Operation } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { PermissionSourceSchema } from "../gen/users/v1/permissions_pb.ts";
import type { UserService } from "../gen/users/v1/user_service_pb.ts";
import { permissionSources } from "./permission-sources.ts";

type Source = { readonly position: number; readonly role_name: string | null };

const sourceOf = ({ role_name: role }: Source): MessageInitShape<typeof PermissionSourceSchema> => ({
  source: role === null ? { case: "ownGrant", value: true } : { case: "roleName", value: role },
});

/** CheckPermissions: one result per check, and by what, in one statement. */
export const checkPermissions =
  ({ db, freshness }: { db: Database; freshness: Freshness }): Operation<typeof UserService.method.checkPermissions> =>
  async (call, request) => {
    const { checks } = request;
    await freshness.check(call, request.consistency);
    const [ids, permissions] = [checks.map(({ userId }) => String(userId)), checks.map(({ permission }) => permission)];
    const { rows } = await sql<Source>`
      select asked.position::int, source.role_name
      from unnest(${ids}::bigint[], ${permissions}::text[]) with ordinality as asked (user_id, permission, position)
      join users u on u.id = asked.user_id and u.delete_time is null
      cross join lateral ${permissionSources(sql`asked.user_id`, sql`asked.permission`)} source
      order by asked.position, source.role_name nulls first`.execute(db.sql, db.abort(call));
    const byPosition = Map.groupBy(rows, ({ position }) => position);
    const results = checks.map((_, index) => {
      const via = (byPosition.get(index + 1) ?? []).map(sourceOf);
      return { allowed: via.length > 0, via };
    });
    return { results };
  };
