import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Write } from "../db/transaction.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { newSecretToken } from "../secrets/secret-token.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { MAX_RESETS, RESET_HOURS } from "./password-reset.ts";
import { passwordManaged } from "./store-password.ts";

/** CreatePasswordReset: makes one more token; when there are too many, the oldest ends. */
export const createPasswordReset =
  ({ write }: { write: Write }): Operation<typeof UserService.method.createPasswordReset> =>
  (call, request) => {
    const { userId } = request;
    return write(call, { method: UserService.method.createPasswordReset, request, aggregates: [userAggregate(userId)] }, async (tx) => {
      const user = await writableUser(tx, userId);
      if (user.isManaged) throw passwordManaged();
      const { token, hash } = newSecretToken();
      const row = await tx.one(sql<{ expire_time: Date }>`
        insert into password_reset (user_id, token_hash) values (${userId}, ${hash})
        returning create_time + make_interval(hours => ${RESET_HOURS}) as expire_time`);
      await tx.rows(sql`
        delete from password_reset where id in (
          select id from password_reset where user_id = ${userId} order by id desc offset ${MAX_RESETS}
        )`);
      return { token, expireTime: timestampFromDate(row.expire_time) };
    });
  };
