import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Tx } from "../db/write.ts";
import type { Dependencies } from "../dependencies.ts";
import { type DomainError, failedPrecondition } from "../errors.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { isOfAnother, newSecretToken, newSessionNonce, tokenHash, tokenRefused } from "../secrets/secret-token.ts";
import { endPasswordResets } from "../users/password-resets.ts";
import { presentUser } from "../users/present.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";

const { method } = UserService;

/** The time for which a reset token is valid, in hours. */
export const RESET_HOURS = 1;
/** The most reset tokens that a user has; a further one ends the oldest. */
const MAX_RESETS = 3;

/** Makes the error for a managed user, whose password is its identity provider's. */
const passwordManaged = (): DomainError => failedPrecondition("USER_MANAGED", "The password of a managed user can't be changed.");

/** Stores a new password's hash, and ends all sessions and reset tokens. It is a bound parameter, so the database's log never shows it. */
const storePassword = async (tx: Tx, userId: bigint, hash: string): Promise<void> => {
  await tx.rows(sql`
    update users set password = ${hash}, last_password_change = now(), is_password_expired = false,
      session_nonce = ${newSessionNonce()}, version = version + 1
    where id = ${userId}`);
  await endPasswordResets(tx, userId);
};

/** SetPassword: stores a new password of a user. The hash is made first, so that the transaction does not wait for it. */
export const setPassword =
  ({ write, passwords, permits }: Dependencies): Operation<typeof method.setPassword> =>
  async (call, request) => {
    const { userId, password } = request;
    // A refusal must not cost a hash.
    await permits.before(call, method.setPassword, request);
    const hash = await passwords.hash(password, call.signal);
    return write(call, { method: method.setPassword, request, aggregates: [userAggregate(userId)] }, async (tx) => {
      const user = await writableUser(tx, userId);
      if (user.isManaged) throw passwordManaged();
      await storePassword(tx, userId, hash);
      return {};
    });
  };

/** CreatePasswordReset: makes one more reset token for a user, and deletes the oldest one when there are more than three. */
export const createPasswordReset =
  ({ write }: Dependencies): Operation<typeof method.createPasswordReset> =>
  (call, request) => {
    const { userId } = request;
    return write(call, { method: method.createPasswordReset, request, aggregates: [userAggregate(userId)] }, async (tx) => {
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

/** A token dies with its hour, and with its user: one who is not present can't sign in by a new password. */
const alive = sql<boolean>`create_time > now() - make_interval(hours => ${RESET_HOURS})
  and exists (select from users u where u.id = user_id and ${presentUser("u")})`;

/** ResetPassword: stores a new password of the user to whom the reset token in the request belongs, and deletes the token. */
export const resetPassword =
  ({ db, write, passwords, permits }: Dependencies): Operation<typeof method.resetPassword> =>
  async (call, request) => {
    await permits.before(call, method.resetPassword, request);
    const byToken = sql`token_hash = ${tokenHash(request.token)} and ${alive}`;
    // The user has to be known before it can be locked; the token is looked at again under the lock.
    const owner = await db.session(call).row(sql<{ id: bigint }>`select user_id as id from password_reset where ${byToken}`);
    if (!owner || isOfAnother(call, owner.id)) throw tokenRefused();
    const hash = await passwords.hash(request.password, call.signal);
    return write(call, { method: method.resetPassword, request, aggregates: [userAggregate(owner.id)] }, async (tx) => {
      const user = await writableUser(tx, owner.id);
      const used = await tx.affected(sql`delete from password_reset where ${byToken}`);
      if (used === 0) throw tokenRefused();
      if (user.isManaged) throw passwordManaged();
      await storePassword(tx, owner.id, hash);
      return { userId: owner.id };
    });
  };

/** RotateSessionNonce: ends all sessions of a user by a new session nonce, which it returns. */
export const rotateSessionNonce =
  ({ write }: Dependencies): Operation<typeof method.rotateSessionNonce> =>
  (call, request) => {
    const { userId } = request;
    return write(call, { method: method.rotateSessionNonce, request, aggregates: [userAggregate(userId)] }, async (tx) => {
      await writableUser(tx, userId);
      const sessionNonce = newSessionNonce();
      await tx.rows(sql`update users set session_nonce = ${sessionNonce}, version = version + 1 where id = ${userId}`);
      return { sessionNonce };
    });
  };
