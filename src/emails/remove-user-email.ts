import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Write } from "../db/transaction.ts";
import { failedPrecondition } from "../errors.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { canonicalName } from "../names/canonical.ts";
import { claimNames } from "../users/names.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { removeMailOptions } from "./mail-options.ts";
import { storedEmail } from "./stored-email.ts";

/** RemoveUserEmail: an address goes, and with it the options that send mail there. */
export const removeUserEmail =
  ({ write }: { write: Write }): Operation<typeof UserService.method.removeUserEmail> =>
  (call, request) => {
    const { userId, requestId } = request;
    const plan = { method: UserService.method.removeUserEmail, request, aggregates: [userAggregate(userId)], requestId };
    return write(call, plan, async (tx) => {
      const user = await writableUser(tx, userId);
      const { id, email, emailCanonical } = await storedEmail(tx, userId, request.email);
      if (emailCanonical === canonicalName(user.email)) {
        throw failedPrecondition("EMAIL_IS_PRIMARY", "The primary address can't be removed; make another one the primary first.");
      }
      await claimNames(tx, { userId, dropped: [email] });
      await tx.rows(sql`delete from user_email where id = ${id}`);
      await removeMailOptions(tx, userId, email);
      return {};
    });
  };
