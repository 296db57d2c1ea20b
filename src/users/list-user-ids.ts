import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { ListUserIdsRequestSchema } from "../gen/userd/v1/user_list_pb.ts";
import type { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { listConditions } from "./list-conditions.ts";
import { orderOf, selectUserPage } from "./user-page.select.ts";

/** ListUserIds: one statement. */
export const listUserIds =
  ({ db, freshness, pager }: Pick<Dependencies, "db" | "freshness" | "pager">): Operation<typeof UserService.method.listUserIds> =>
  async (call, request) => {
    const { showDeleted } = request;
    const page = pager(call, ListUserIdsRequestSchema, request);
    await freshness.check(call, request.consistency);
    const conditions = await listConditions(db, call, request);
    const found = await db.session(call).rows(
      selectUserPage(db.sql, {
        conditions,
        showDeleted,
        order: orderOf("id"),
        after: page.after,
        limit: page.size + 1,
      }),
    );
    const { rows, nextPageToken } = page.cut(found, ({ id }) => [id]);
    return { ids: rows.map(({ id }) => id), nextPageToken };
  };
