import type { ServerStreamOperation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { UserView } from "../gen/userd/v1/user_pb.ts";
import type { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { listConditions } from "./list-conditions.ts";
import { toUser } from "./user.mapping.ts";
import { selectUsers } from "./user.select.ts";
import { orderOf, selectUserPage } from "./user-page.select.ts";

/** Users per statement: no snapshot and no connection is held while the client takes its time. */
const BATCH = 500;

/** StreamUsers: the pages of a list by id, one after another, as fast as the client takes them. */
export const streamUsers = ({
  db,
  freshness,
}: Pick<Dependencies, "db" | "freshness">): ServerStreamOperation<typeof UserService.method.streamUsers> =>
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
