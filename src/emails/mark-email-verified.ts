import type { Operation } from "../call.ts";
import type { LookUpLocks } from "../db/transaction.ts";
import type { Dependencies } from "../dependencies.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { canonicalName } from "../names/canonical.ts";
import { invitingAggregates } from "../organizations/invitations.ts";
import { requirePermission } from "../users/privileges.ts";
import { toUserEmail } from "../users/user.mapping.ts";
import { writableUser } from "../users/writable-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { markVerified } from "./mark-verified.ts";
import { storedEmail } from "./stored-email.ts";

const method = UserService.method.markEmailVerified;

/** MarkEmailVerified: the caller knows what a token would have proved. */
export const markEmailVerified =
  ({ write }: Pick<Dependencies, "write">): Operation<typeof method> =>
  (call, request) => {
    const { userId, email } = request;
    const aggregates: LookUpLocks = async (session) => [
      userAggregate(userId),
      ...(await invitingAggregates(session, [canonicalName(email)])),
    ];
    return write(call, { method, request, aggregates }, async (tx) => {
      await requirePermission(tx, "users.admin");
      const user = await writableUser(tx, userId);
      const stored = await storedEmail(tx, userId, email);
      if (!stored.isVerified) await markVerified(tx, userId, stored);
      const row = { email: stored.email, email_canonical: stored.emailCanonical, is_verified: true, date_added: stored.dateAdded };
      return { email: toUserEmail(row, canonicalName(user.email)), alreadyVerified: stored.isVerified };
    });
  };
