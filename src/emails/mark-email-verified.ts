import type { Operation } from "../call.ts";
import { handleOf } from "../db/handles.ts";
import type { Dependencies } from "../dependencies.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { invitingSubjects } from "../organizations/invitations.ts";
import { assertMay } from "../users/privileges.ts";
import { toUserEmail } from "../users/user.mapping.ts";
import { writableUser } from "../users/writable-user.ts";
import { userSubject } from "../versions/subject.ts";
import { markVerified } from "./mark-verified.ts";
import { storedEmail } from "./stored-email.ts";

const method = UserService.method.markEmailVerified;

/** MarkEmailVerified: the caller knows what a token would have proved. */
export const markEmailVerified =
  ({ db, write }: Pick<Dependencies, "db" | "write">): Operation<typeof method> =>
  async (call, request) => {
    const { userId, email } = request;
    const subjects = [userSubject(userId), ...(await invitingSubjects(db, call, [handleOf(email)]))];
    return write(call, { method, request, subjects }, async (tx) => {
      await assertMay(tx, "users.admin");
      const user = await writableUser(tx, userId);
      const stored = await storedEmail(tx, userId, email);
      if (!stored.isVerified) await markVerified(tx, userId, stored);
      const row = { email: stored.email, email_handle: stored.emailHandle, is_verified: true, date_added: stored.dateAdded };
      return { email: toUserEmail(row, handleOf(user.email)), alreadyVerified: stored.isVerified };
    });
  };
