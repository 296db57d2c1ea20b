import type { Operation } from "../call.ts";
import { lockCanonicalNames } from "../db/canonical-names.ts";
import type { Tx } from "../db/write.ts";
import { alreadyExists, failedPrecondition } from "../errors.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { canonicalName } from "../names/canonical.ts";
import type { User } from "../schema/user.entity.ts";
import { newSessionNonce } from "../secrets/secret-token.ts";
import { liveUser, writtenUser } from "../users/change-user.ts";
import type { UserDependencies } from "../users/dependencies.ts";
import { assertNamesFree } from "../users/names.ts";
import { endPasswordResets } from "../users/password-resets.ts";
import type { SystemUser } from "../users/system-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { moveMailOptions } from "./mail-options.ts";
import { type StoredEmail, storedEmail } from "./user-emails.ts";

/** The most characters of a username. A longer address can't become one. */
const USERNAME_LENGTH = 128;

/** Returns the username after the change: the new address, if it was the old one, unless somebody else manages the user. */
const usernameAfter = (user: User, email: string): string => {
  const follows = canonicalName(user.username) === canonicalName(user.email) && !user.isManaged && [...email].length <= USERNAME_LENGTH;
  return follows ? email : user.username;
};

/** Checks that the address is no other user's primary one. Others may have it unverified. */
const assertNobodysPrimary = async (tx: Tx, userId: bigint, { email_canonical }: StoredEmail): Promise<void> => {
  const others = await tx.rows(
    tx.sql
      .selectFrom("user_email as e")
      .innerJoin("users as u", "u.id", "e.user_id")
      .select("u.email")
      .where("e.email_canonical", "=", email_canonical)
      .where("e.user_id", "<>", userId),
  );
  if (others.some(({ email }) => canonicalName(email) === email_canonical)) {
    throw alreadyExists("EMAIL_TAKEN", "The address is another user's primary one.");
  }
};

/** Tells whether an address is the username of a user that was merged into this one: it stays a name of this one, which can't have it twice. */
const isOfMerged = async (tx: Tx, userId: bigint, email: string): Promise<boolean> =>
  (await tx.row(
    tx.sql
      .selectFrom("users")
      .select("id")
      .where("username_canonical", "=", canonicalName(email))
      .where("merged_into_user_id", "=", userId),
  )) !== undefined;

const makePrimary = async (tx: Tx, systemUser: SystemUser, user: User, stored: StoredEmail): Promise<void> => {
  const { id: userId, email: before } = user;
  const after = usernameAfter(user, stored.email);
  const username = after !== user.username && (await isOfMerged(tx, userId, after)) ? user.username : after;
  if (canonicalName(username) !== canonicalName(user.username)) systemUser.refuse(user.username);
  await lockCanonicalNames(tx, [user.username, user.email, stored.email]);
  await assertNobodysPrimary(tx, userId, stored);
  await assertNamesFree(tx, { userId, email: stored.email, ...(username !== user.username && { username }) });
  Object.assign(user, { email: stored.email, username, usernameCanonical: canonicalName(username), sessionNonce: newSessionNonce() });
  await tx.em().flush();
  await endPasswordResets(tx, userId);
  if (before !== "") await moveMailOptions(tx, userId, before, stored.email);
};

/**
 * SetPrimaryEmail: replaces a user's primary address by a verified address, also in a username and in `mail:email` options that hold the old
 * address. The user's sessions and password-reset tokens end.
 */
export const setPrimaryEmail =
  ({ write, systemUser }: UserDependencies): Operation<typeof UserService.method.setPrimaryEmail> =>
  (call, request) => {
    const { userId } = request;
    return write(call, { method: UserService.method.setPrimaryEmail, request, aggregates: [userAggregate(userId)] }, async (tx) => {
      const user = await liveUser(tx, userId);
      const stored = await storedEmail(tx, userId, request.email);
      if (stored.email_canonical !== canonicalName(user.email)) {
        if (!stored.is_verified) throw failedPrecondition("EMAIL_NOT_VERIFIED", "The address has to be verified first.");
        await makePrimary(tx, systemUser, user, stored);
      }
      return { user: await writtenUser(tx, userId) };
    });
  };
