import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Write } from "../db/transaction.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { canonicalName } from "../names/canonical.ts";
import { assertAddress } from "../names/rules.ts";
import { claimNames } from "../users/names.ts";
import { toUserEmail } from "../users/user.mapping.ts";
import type { UserEmailRow } from "../users/user.select.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";

/** AddUserEmail: one more address, unverified; that the user does not have it yet is a constraint. */
export const addUserEmail =
  ({ write }: { write: Write }): Operation<typeof UserService.method.addUserEmail> =>
  (call, request) => {
    const { userId, email, requestId } = request;
    assertAddress(email, "email");
    const plan = { method: UserService.method.addUserEmail, request, aggregates: [userAggregate(userId)], requestId };
    return write(call, plan, async (tx) => {
      const user = await writableUser(tx, userId);
      await claimNames(tx, { userId, email });
      const row = await tx.row(sql<UserEmailRow>`
        insert into user_email (user_id, email, email_canonical) values (${userId}, ${email}, ${canonicalName(email)})
        returning email, email_canonical, is_verified, date_added`);
      return row ? { email: toUserEmail(row, canonicalName(user.email)) } : {};
    });
  };
