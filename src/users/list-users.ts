import { type Compilable, type Expression, type RawBuilder, sql } from "kysely";
import type { Call, Operation, ServerStreamOperation } from "../call.ts";
import type { Database } from "../db/orm.ts";
import { COMPOSED } from "../db/statement-names.ts";
import type { Dependencies } from "../dependencies.ts";
import { type Condition, requireServed } from "../filter/tree.ts";
import { ListUserIdsRequestSchema, ListUsersRequestSchema, type UserFilter } from "../gen/userd/v1/user_list_pb.ts";
import { UserView } from "../gen/userd/v1/user_pb.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { toUser } from "./user.mapping.ts";
import { selectUsers } from "./user.select.ts";
import { conditionsOf, inRole } from "./user-condition.ts";
import { orderedBy, orderOf, selectUserPage } from "./user-page.select.ts";
import { parseSearch } from "./user-search.ts";

const { method } = UserService;

/** The end of the sentence that an expression needs an index. */
const NEEDED =
  "a part of a text needs 3 characters, one of external_id can't be found, and last_login and last_active need another condition beside them, by &&, that an index serves";

/** The request of a list of users. */
type Asked = { readonly filter?: UserFilter | undefined; readonly search: string };

/** Returns the condition of a role. It is by id, not by name, so that the planner knows whether few users have the role or many. */
const ofRole = async (db: Database, call: Call, name: string): Promise<Condition[]> => {
  if (name === "") return [];
  const role = await db.session(call).row(db.sql.selectFrom("role").select("id").where("name", "=", name));
  return [inRole(role?.id ?? 0n)];
};

/**
 * Returns the conditions of the filter and the search of a list of users.
 * @throws INVALID_ARGUMENT FIELD_INVALID; FAILED_PRECONDITION QUERY_NOT_INDEXED for an expression that no index serves.
 */
const listConditions = async (db: Database, call: Call, { filter, search }: Asked): Promise<readonly Condition[]> => {
  const conditions = [...conditionsOf(filter), ...parseSearch(search)];
  if (filter?.expression) requireServed({ op: "and", parts: conditions }, NEEDED);
  return [...conditions, ...(await ofRole(db, call, filter?.roleName ?? ""))];
};

/** Keeps statements with an expression, whose texts have no end, from being prepared. */
const unprepared = <R>(query: Compilable<R> & Expression<unknown>, { filter }: Asked): Compilable<R> | RawBuilder<R> =>
  filter?.expression ? sql<R>`${sql.raw(COMPOSED)} ${query}` : query;

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
    const query = selectUsers(db.sql, { full: view === UserView.FULL })
      .innerJoin(ids.as("page"), "page.id", "users.id")
      .orderBy(orderedBy(order));
    const found = await db.session(call).rows(unprepared(query, request));
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
    const query = selectUserPage(db.sql, { conditions, showDeleted, order: orderOf("id"), after: page.after, limit: page.size + 1 });
    const found = await db.session(call).rows(unprepared(query, request));
    const { rows, nextPageToken } = page.cut(found, ({ id }) => [id]);
    return { ids: rows.map(({ id }) => id), nextPageToken };
  };

/** The users of one statement: no snapshot and no connection is held while the client takes its time. */
const BATCH = 500;

/** StreamUsers: sends all users that match a filter and a search, ordered by id, as fast as the client takes them. */
export const streamUsers = ({ db, freshness }: Dependencies): ServerStreamOperation<typeof method.streamUsers> =>
  async function* (call, request) {
    const { showDeleted, view, afterId } = request;
    await freshness.check(call, request.consistency);
    const conditions = await listConditions(db, call, request);
    for (let last = afterId; ; ) {
      const page = { conditions, showDeleted, order: orderOf("id"), after: [String(last)], limit: BATCH };
      const query = selectUsers(db.sql, { full: view === UserView.FULL })
        .innerJoin(selectUserPage(db.sql, page).as("page"), "page.id", "users.id")
        .orderBy("users.id");
      const rows = await db.session(call).rows(unprepared(query, request));
      for (const row of rows) {
        yield { user: toUser(row) };
        last = row.id;
      }
      if (rows.length < BATCH) return;
    }
  };
