import type { Freshness } from "../cache/freshness.ts";
import type { Operation } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { Pager } from "../db/page.ts";
import { ListRolesRequestSchema } from "../gen/userd/v1/role_pb.ts";
import type { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { toRole } from "./role.mapping.ts";
import { selectRoles } from "./role.select.ts";

/** ListRoles: a page of roles, by name. */
export const listRoles =
  ({ db, freshness, pager }: { db: Database; freshness: Freshness; pager: Pager }): Operation<typeof UserService.method.listRoles> =>
  async (call, request) => {
    const { size, after, cut } = pager(call, ListRolesRequestSchema, request);
    await freshness.check(call, request.consistency);
    const found = await db.session(call).rows(
      selectRoles(db.sql)
        .where("role.name", ">", after?.[0] ?? "")
        .orderBy("role.name")
        .limit(size + 1),
    );
    const { rows, nextPageToken } = cut(found, ({ name }) => [name]);
    return { roles: rows.map(toRole), nextPageToken };
  };
