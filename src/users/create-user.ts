import type { Operation } from "../call.ts";
import type { Write } from "../db/transaction.ts";
import { invalidField } from "../errors.ts";
import type { User as UserMessage } from "../gen/userd/v1/user_pb.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { canonicalName } from "../names/canonical.ts";
import { assertAddress, assertUsername } from "../names/rules.ts";
import { User } from "../schema/user.entity.ts";
import { UserEmail } from "../schema/user-email.entity.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { claimNames } from "./names.ts";
import { requirePermission } from "./privileges.ts";
import { NEWSLETTER_CONSENT_PROMPT, toUser } from "./user.mapping.ts";
import { selectUsers } from "./user.select.ts";

/** The username of a new user: blank = the email. */
export const usernameOf = ({ username = "", email = "" }: Pick<UserMessage, "username" | "email">): string => {
  const name = username.trim() === "" ? email : username;
  if (name === "") throw invalidField("user.username", "must not be blank when there is no email");
  if ([...name].length > 128) throw invalidField("user.username", "must not be blank when the email is longer than 128 characters");
  return name;
};

/**
 * Refuses names that a new user can't have: a username beyond PRECIS, an address whose domain is none. A username that is
 * an address has the rules of addresses.
 * @throws INVALID_ARGUMENT FIELD_INVALID.
 */
export const assertNewNames = ({ username = "", email = "" }: Pick<UserMessage, "username" | "email">): void => {
  if (email !== "") assertAddress(email, "user.email");
  if (username.trim() !== "" && username !== email) assertUsername(username, "user.username");
};

/** CreateUser: the user and, when it has an email, its address, unverified. */
export const createUser =
  ({ write }: { write: Write }): Operation<typeof UserService.method.createUser> =>
  (call, request) => {
    const { user } = request;
    if (user === undefined) throw invalidField("user", "is required");
    const username = usernameOf(user);
    assertNewNames(user);
    const { email = "", externalId = "" } = user;
    return write(call, { method: UserService.method.createUser, request, aggregates: [], requestId: request.requestId }, async (tx) => {
      if (user.isStaff || user.isSuperuser) await requirePermission(tx, "users.admin");
      await claimNames(tx, { username, email, externalIds: externalId === "" ? [] : [externalId] });
      const row = tx.em.create(User, {
        username,
        usernameCanonical: canonicalName(username),
        name: user.name ?? "",
        nameCanonical: canonicalName(user.name ?? ""),
        email,
        externalId: externalId === "" ? null : externalId,
        isActive: user.isActive ?? true,
        isStaff: user.isStaff ?? false,
        isSuperuser: user.isSuperuser ?? false,
        isManaged: user.isManaged ?? false,
        isUnclaimed: user.isUnclaimed ?? false,
        isApp: user.isApp ?? false,
        isPasswordExpired: user.isPasswordExpired ?? false,
        flags: user.newsletterConsentPrompt ? NEWSLETTER_CONSENT_PROMPT : 0n,
      });
      await tx.em.flush();
      if (email !== "") tx.em.create(UserEmail, { user: row.id, email, emailCanonical: canonicalName(email) });
      await tx.em.flush();
      tx.touch(userAggregate(row.id));
      const created = await tx.one(selectUsers(tx.sql, { full: true }).where("users.id", "=", row.id));
      return { user: toUser(created) };
    });
  };
