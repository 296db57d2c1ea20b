import type { Call, Operation, ServerStreamOperation } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { Dependencies } from "../dependencies.ts";
import { ListUserIdsRequestSchema, ListUsersRequestSchema, type UserFilter } from "../gen/userd/v1/user_list_pb.ts";
import { UserView } from "../gen/userd/v1/user_pb.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { toUser } from "./user.mapping.ts";
import { selectUsers } from "./user.select.ts";
import { conditionsOf, type UserCondition } from "./user-condition.ts";
import { orderedBy, orderOf, selectUserPage } from "./user-page.select.ts";
import { parseSearch } from "./user-search.ts";

const { method } = UserService;

/** The request of a list of users. */
type Asked = { readonly filter?: UserFilter | undefined; readonly search: string };

/** Returns the condition of a role. It is by id, not by name, so that the planner knows whether few users have the role or many. */
const ofRole = async (db: Database, call: Call, name: string): Promise<UserCondition[]> => {
  if (name === "") return [];
  const role = await db.session(call).row(db.sql.selectFrom("role").select("id").where("name", "=", name));
  return [{ kind: "role", id: role?.id ?? 0n }];
};

/** Returns the conditions of the filter and the search of a list of users. Throws INVALID_ARGUMENT FIELD_INVALID. */
export const listConditions = async (db: Database, call: Call, { filter, search }: Asked): Promise<readonly UserCondition[]> => [
  ...conditionsOf(filter),
  ...parseSearch(search),
  ...(await ofRole(db, call, filter?.roleName ?? "")),
];

/** ListUsers: returns a page of users in the basic or the full view. One statement reads the page. */
export const listUsers =
  ({ db, freshness, pager }: Pick<Dependencies, "db" | "freshness" | "pager">): Operation<typeof method.listUsers> =>
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

/** ListUserIds: returns a page of the ids of users, which one statement reads. */
export const listUserIds =
  ({ db, freshness, pager }: Dependencies): Operation<typeof method.listUserIds> =>
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

/** The users of one statement: no snapshot and no connection is held while the client takes its time. */
const BATCH = 500;

/** StreamUsers: sends the users of a list, ordered by id, page after page, as fast as the client takes them. */
export const streamUsers = ({ db, freshness }: Dependencies): ServerStreamOperation<typeof method.streamUsers> =>
  async function* (call, request) {
    const { showDeleted, view, afterId } = request;
    await freshness.check(call, request.consistency);
    const conditions = await listConditions(db, call, request);
    for (let last = afterId; ; ) {
      const page = { conditions, showDeleted, order: orderOf("id"), after: [String(last)], limit: BATCH };
      const rows = await db.session(call).rows(
        selectUsers(db.sql, { full: view === UserView.FULL })
          .innerJoin(selectUserPage(db.sql, page).as("page"), "page.id", "users.id")
          .orderBy("users.id"),
      );
      for (const row of rows) {
        yield { user: toUser(row) };
        last = row.id;
      }
      if (rows.length < BATCH) return;
    }
  };
