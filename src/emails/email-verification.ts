import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { LookUpLocks, Tx } from "../db/write.ts";
import type { Dependencies } from "../dependencies.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { canonicalName } from "../names/canonical.ts";
import { acceptInvitations, invitingAggregates } from "../organizations/invitations.ts";
import { isOfAnother, newSecretToken, tokenHash, tokenRefused } from "../secrets/secret-token.ts";
import { claimNames } from "../users/names.ts";
import { requirePermission } from "../users/privileges.ts";
import { toUserEmail } from "../users/user.mapping.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { storedEmail } from "./user-emails.ts";

const { method } = UserService;

/** Marks an address of a locked user as verified; a constraint refuses one that is verified for another. Throws EMAIL_TAKEN. */
const markVerified = async (tx: Tx, userId: bigint, { id, email }: { readonly id: bigint; readonly email: string }): Promise<void> => {
  await claimNames(tx, { userId, email });
  await tx.rows(sql`update user_email set is_verified = true where id = ${id}`);
  await acceptInvitations(tx, [{ userId, canonical: canonicalName(email) }]);
};

/** The time for which a token that verifies an address is valid, in hours. */
export const VERIFICATION_HOURS = 48;

/** CreateEmailVerification: makes a token that verifies one address of a user. An earlier token of the address becomes invalid. */
export const createEmailVerification =
  ({ write }: Dependencies): Operation<typeof method.createEmailVerification> =>
  (call, request) => {
    const { userId, email } = request;
    return write(call, { method: method.createEmailVerification, request, aggregates: [userAggregate(userId)] }, async (tx) => {
      await writableUser(tx, userId);
      const { id } = await storedEmail(tx, userId, email);
      const { token, hash } = newSecretToken();
      const row = await tx.one(sql<{ expire_time: Date }>`
        update user_email set verification_hash = ${hash}, verification_hash_time = now() where id = ${id}
        returning verification_hash_time + make_interval(hours => ${VERIFICATION_HOURS}) as expire_time`);
      return { token, expireTime: timestampFromDate(row.expire_time) };
    });
  };

type Verification = { readonly id: bigint; readonly email: string; readonly is_verified: boolean; readonly expired: boolean };

/** Returns the address that a token was made for; undefined = another token has replaced it. */
const verificationOf = async (tx: Tx, userId: bigint, hash: Buffer): Promise<Verification | undefined> => {
  return tx.row(sql<Verification>`
    select id, email, is_verified, verification_hash_time < now() - make_interval(hours => ${VERIFICATION_HOURS}) as expired
    from user_email where verification_hash = ${hash} and user_id = ${userId}`);
};

/** VerifyEmail: marks as verified the address for which the token in the request was made. */
export const verifyEmail =
  ({ db, write, permits }: Dependencies): Operation<typeof method.verifyEmail> =>
  async (call, request) => {
    await permits.before(call, method.verifyEmail, request);
    const hash = tokenHash(request.token);
    // The user has to be known before it can be locked; the token is read again under the lock.
    const owner = await db
      .session(call)
      .row(db.sql.selectFrom("user_email").select(["user_id as id", "email_canonical as canonical"]).where("verification_hash", "=", hash));
    if (!owner || isOfAnother(call, owner.id)) throw tokenRefused();
    const aggregates: LookUpLocks = async (session) => [userAggregate(owner.id), ...(await invitingAggregates(session, [owner.canonical]))];
    return write(call, { method: method.verifyEmail, request, aggregates }, async (tx) => {
      await writableUser(tx, owner.id);
      const verification = await verificationOf(tx, owner.id, hash);
      if (!verification) throw tokenRefused();
      const { id, email, is_verified: alreadyVerified, expired } = verification;
      if (!alreadyVerified) {
        if (expired) throw tokenRefused();
        await markVerified(tx, owner.id, { id, email });
      }
      return { userId: owner.id, email, alreadyVerified };
    });
  };

/** MarkEmailVerified: marks an address of a user as verified without a token. The caller needs the permission users.admin. */
export const markEmailVerified =
  ({ write }: Dependencies): Operation<typeof method.markEmailVerified> =>
  (call, request) => {
    const { userId } = request;
    const canonical = canonicalName(request.email);
    const aggregates: LookUpLocks = async (session) => [userAggregate(userId), ...(await invitingAggregates(session, [canonical]))];
    return write(call, { method: method.markEmailVerified, request, aggregates }, async (tx) => {
      await requirePermission(tx, "users.admin");
      const user = await writableUser(tx, userId);
      const stored = await storedEmail(tx, userId, request.email);
      if (!stored.is_verified) await markVerified(tx, userId, stored);
      const email = toUserEmail({ ...stored, is_verified: true }, canonicalName(user.email));
      return { email, alreadyVerified: stored.is_verified };
    });
  };
