import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { ListUsersRequestSchema } from "../gen/users/v1/user_list_pb.ts";
import { UserView } from "../gen/users/v1/user_pb.ts";
import type { UserService } from "../gen/users/v1/user_service_pb.ts";
import { toUser } from "./user.mapping.ts";
import { selectUsers } from "./user.select.ts";
import { conditionsOf } from "./user-condition.ts";
import { orderedBy, orderOf, selectUserPage } from "./user-page.select.ts";
import { parseSearch } from "./user-search.ts";

/** ListUsers: one statement, however full the view is. */
export const listUsers =
  ({ db, freshness, pager }: Pick<Dependencies, "db" | "freshness" | "pager">): Operation<typeof UserService.method.listUsers> =>
  async (call, request) => {
    const { filter, search, showDeleted, view } = request;
    const page = pager(call, ListUsersRequestSchema, request);
    const conditions = [...conditionsOf(filter), ...parseSearch(search)];
    const order = orderOf(request.orderBy);
    await freshness.check(call, request.consistency);
    const ids = selectUserPage(db.sql, { conditions, showDeleted, order, after: page.after, limit: page.size + 1 });
    const found = await selectUsers(db.sql, { full: view === UserView.FULL })
      .innerJoin(ids.as("page"), "page.id", "users.id")
      .orderBy(orderedBy(order))
      .execute(db.abort(call));
    const { rows, nextPageToken } = page.cut(found, order.keyOf);
    return { users: rows.map(toUser), nextPageToken };
  };
