import type { Freshness } from "../cache/freshness.ts";
import type { Operation } from "../call.ts";
import type { Database } from "../db/orm.ts";
import { notFound } from "../errors.ts";
import { UserView } from "../gen/users/v1/user_pb.ts";
import type { UserService } from "../gen/users/v1/user_service_pb.ts";
import { toUser } from "./user.mapping.ts";
import { selectUsers } from "./user.select.ts";

/** No user has this id. */
export const userNotFound = () => notFound("USER_NOT_FOUND", "There is no such user.");

/** GetUser: one statement. */
export const getUser =
  ({ db, freshness }: { db: Database; freshness: Freshness }): Operation<typeof UserService.method.getUser> =>
  async (call, request) => {
    await freshness.check(call, request.consistency);
    const row = await selectUsers(db.sql, { full: request.view !== UserView.BASIC })
      .where("users.id", "=", request.id)
      .executeTakeFirst(db.abort(call));
    if (!row) throw userNotFound();
    return { user: toUser(row) };
  };
