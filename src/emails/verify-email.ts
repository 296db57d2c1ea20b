import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Database } from "../db/orm.ts";
import type { LookUpLocks, Tx, Write } from "../db/transaction.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { invitingAggregates } from "../organizations/invitations.ts";
import { tokenHash, tokenRefused } from "../secrets/secret-token.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { VERIFICATION_HOURS } from "./create-email-verification.ts";
import { markVerified } from "./mark-verified.ts";

type Verification = { readonly id: bigint; readonly email: string; readonly is_verified: boolean; readonly expired: boolean };

/** The address that the token was made for, unless another token has replaced it. */
const verificationOf = async (tx: Tx, userId: bigint, hash: Buffer): Promise<Verification | undefined> => {
  return tx.row(sql<Verification>`
    select id, email, is_verified, verification_hash_time < now() - make_interval(hours => ${VERIFICATION_HOURS}) as expired
    from user_email where verification_hash = ${hash} and user_id = ${userId}`);
};

/** VerifyEmail: whoever has the token receives mail at the address. */
export const verifyEmail =
  ({ db, write }: { db: Database; write: Write }): Operation<typeof UserService.method.verifyEmail> =>
  async (call, request) => {
    const hash = tokenHash(request.token);
    // The user has to be known before it can be locked; the token is looked at again under the lock.
    const owner = await db
      .session(call)
      .row(db.sql.selectFrom("user_email").select(["user_id as id", "email_canonical as canonical"]).where("verification_hash", "=", hash));
    if (!owner) throw tokenRefused();
    const aggregates: LookUpLocks = async (session) => [userAggregate(owner.id), ...(await invitingAggregates(session, [owner.canonical]))];
    return write(call, { method: UserService.method.verifyEmail, request, aggregates }, async (tx) => {
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
