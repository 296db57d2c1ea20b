import { type SqlBool, sql } from "kysely";
import type { Freshness } from "../cache/freshness.ts";
import type { Operation } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { has2fa } from "../users/user.select.ts";

/** BatchHas2fa: one result per user, in one statement. */
export const batchHas2fa =
  ({ db, freshness }: { db: Database; freshness: Freshness }): Operation<typeof UserService.method.batchHas2fa> =>
  async (call, request) => {
    await freshness.check(call, request.consistency);
    const rows = await db.session(call).rows(
      db.sql
        .selectFrom("users")
        .select("id")
        .where(sql<SqlBool>`id = any(${request.userIds.map(String)}::bigint[])`)
        .where(has2fa),
    );
    const secured = new Set(rows.map(({ id }) => id));
    return { results: request.userIds.map((userId) => ({ userId, has2fa: secured.has(userId) })) };
  };
