import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { ListUserIdsRequestSchema } from "../gen/users/v1/user_list_pb.ts";
import type { UserService } from "../gen/users/v1/user_service_pb.ts";
import { conditionsOf } from "./user-condition.ts";
import { orderOf, selectUserPage } from "./user-page.select.ts";
import { parseSearch } from "./user-search.ts";

/** ListUserIds: one statement. */
export const listUserIds =
  ({ db, freshness, pager }: Pick<Dependencies, "db" | "freshness" | "pager">): Operation<typeof UserService.method.listUserIds> =>
  async (call, request) => {
    const { filter, search, showDeleted } = request;
    const page = pager(call, ListUserIdsRequestSchema, request);
    const conditions = [...conditionsOf(filter), ...parseSearch(search)];
    await freshness.check(call, request.consistency);
    const found = await selectUserPage(db.sql, {
      conditions,
      showDeleted,
      order: orderOf("id"),
      after: page.after,
      limit: page.size + 1,
    }).execute(db.abort(call));
    const { rows, nextPageToken } = page.cut(found, ({ id }) => [id]);
    return { ids: rows.map(({ id }) => id), nextPageToken };
  };
