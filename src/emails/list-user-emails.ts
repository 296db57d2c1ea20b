import type { Freshness } from "../cache/freshness.ts";
import type { Operation } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { UserService } from "../gen/users/v1/user_service_pb.ts";
import { userNotFound } from "../users/get-user.ts";
import { toUserEmails } from "../users/user.mapping.ts";
import { emailsOf } from "../users/user.select.ts";

/** ListUserEmails: the addresses of one user. */
export const listUserEmails =
  ({ db, freshness }: { db: Database; freshness: Freshness }): Operation<typeof UserService.method.listUserEmails> =>
  async (call, request) => {
    await freshness.check(call, request.consistency);
    const row = await db.sql
      .selectFrom("users")
      .select(["users.email", emailsOf.as("emails")])
      .where("users.id", "=", request.userId)
      .executeTakeFirst(db.abort(call));
    if (!row) throw userNotFound();
    return { emails: toUserEmails(row) };
  };
