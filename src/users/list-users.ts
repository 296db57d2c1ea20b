import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { ListUsersRequestSchema } from "../gen/userd/v1/user_list_pb.ts";
import { UserView } from "../gen/userd/v1/user_pb.ts";
import type { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { listConditions } from "./list-conditions.ts";
import { toUser } from "./user.mapping.ts";
import { selectUsers } from "./user.select.ts";
import { orderedBy, orderOf, selectUserPage } from "./user-page.select.ts";

/** ListUsers: one statement, however full the view is. */
export const listUsers =
  ({ db, freshness, pager }: Pick<Dependencies, "db" | "freshness" | "pager">): Operation<typeof UserService.method.listUsers> =>
  async (call, request) => {
    const { showDeleted, view } = request;
    const page = pager(call, ListUsersRequestSchema, request);
    const order = orderOf(request.orderBy);
    await freshness.check(call, request.consistency);
    const conditions = await listConditions(db, call, request);
    const ids = selectUserPage(db.sql, { conditions, showDeleted, order, after: page.after, limit: page.size + 1 });
    const found = await db.session(call).rows(
      selectUsers(db.sql, { full: view === UserView.FULL })
        .innerJoin(ids.as("page"), "page.id", "users.id")
        .orderBy(orderedBy(order)),
    );
    const { rows, nextPageToken } = page.cut(found, order.keyOf);
    return { users: rows.map(toUser), nextPageToken };
  };
