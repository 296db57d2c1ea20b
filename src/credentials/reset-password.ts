import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { Write } from "../db/transaction.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import type { Passwords } from "../passwords/passwords.ts";
import { tokenHash, tokenRefused } from "../secrets/secret-token.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { RESET_HOURS } from "./password-reset.ts";
import { passwordManaged, storePassword } from "./store-password.ts";

const alive = sql<boolean>`create_time > now() - make_interval(hours => ${RESET_HOURS})`;

/** ResetPassword: sets the password of the user whose token the caller has. */
export const resetPassword =
  ({ db, write, passwords }: { db: Database; write: Write; passwords: Passwords }): Operation<typeof UserService.method.resetPassword> =>
  async (call, request) => {
    const byToken = sql`token_hash = ${tokenHash(request.token)} and ${alive}`;
    // The user has to be known before it can be locked; the token is looked at again under the lock.
    const owner = await db.session(call).row(sql<{ id: bigint }>`select user_id as id from password_reset where ${byToken}`);
    if (!owner) throw tokenRefused();
    const hash = await passwords.hash(request.password, call.signal);
    return write(call, { method: UserService.method.resetPassword, request, aggregates: [userAggregate(owner.id)] }, async (tx) => {
      const user = await writableUser(tx, owner.id);
      const used = await tx.affected(sql`delete from password_reset where ${byToken}`);
      if (used === 0) throw tokenRefused();
      if (user.isManaged) throw passwordManaged();
      await storePassword(tx, owner.id, hash);
      return { userId: owner.id };
    });
  };
