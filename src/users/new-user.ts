import type { Selectable } from "kysely";
import { invalidField } from "../errors.ts";
import type { User as UserMessage } from "../gen/userd/v1/user_pb.ts";
import { canonicalName } from "../names/canonical.ts";
import { assertAddress, assertUsername } from "../names/rules.ts";
import type { Schema } from "../schema/entities.ts";
import { NEWSLETTER_CONSENT_PROMPT } from "./user.mapping.ts";

/** An address that is to be stored with a new user. */
export type NewEmail = { readonly email: string; readonly canonical: string; readonly isVerified: boolean; readonly dateAdded: Date };

/** A user that is to be stored, with valid fields. Whether the user's names are taken is checked later, by `storeUsers`. */
export type NewUser = {
  /** The id of a user that was another installation's; undefined = the user gets a new one. */
  readonly id?: bigint;
  readonly canonical: string;
  readonly columns: Readonly<
    Omit<
      Selectable<Schema["users"]>,
      "id" | "username_canonical" | "name_canonical" | "session_nonce" | "delete_time" | "purge_time" | "merged_into_user_id" | "version"
    >
  >;
  readonly emails: readonly NewEmail[];
  /** Tells whether the caller vouches for the addresses. Then the username may be an address that others list unverified. */
  readonly isVouchedFor?: boolean;
  readonly lastLogin?: Date | undefined;
  readonly lastActive?: Date | undefined;
};

/** The username of a new user: blank = the email. */
const usernameOf = ({ username = "", email = "" }: Pick<UserMessage, "username" | "email">): string => {
  const name = username.trim() === "" ? email : username;
  if (name === "") throw invalidField("user.username", "must not be blank when there is no email");
  if ([...name].length > 128) throw invalidField("user.username", "must not be blank when the email is longer than 128 characters");
  return name;
};

/**
 * Checks that a new user's names are well-formed: the email as an address, the username as an address or by PRECIS (RFC 8265).
 * @throws INVALID_ARGUMENT FIELD_INVALID.
 */
export const assertNewNames = ({ username = "", email = "" }: Pick<UserMessage, "username" | "email">): void => {
  if (email !== "") assertAddress(email, "user.email");
  if (username.trim() !== "" && username !== email) assertUsername(username, "user.username");
};

/**
 * Makes a new user from a message, without the check that its names are well-formed, since imports bring older names. Throws INVALID_ARGUMENT
 * FIELD_INVALID.
 */
export const newUserOf = (user: UserMessage): NewUser => {
  const username = usernameOf(user);
  const { email = "", externalId = "" } = user;
  const now = new Date();
  return {
    canonical: canonicalName(username),
    columns: {
      username,
      name: user.name ?? "",
      email,
      external_id: externalId === "" ? null : externalId,
      password: "",
      is_active: user.isActive ?? true,
      is_staff: user.isStaff ?? false,
      is_superuser: user.isSuperuser ?? false,
      is_managed: user.isManaged ?? false,
      is_unclaimed: user.isUnclaimed ?? false,
      is_suspended: false,
      is_app: user.isApp ?? false,
      is_password_expired: user.isPasswordExpired ?? false,
      last_password_change: null,
      flags: user.newsletterConsentPrompt ? NEWSLETTER_CONSENT_PROMPT : 0n,
      avatar_type: 0,
      avatar_url: null,
      date_joined: now,
    },
    emails: email === "" ? [] : [{ email, canonical: canonicalName(email), isVerified: false, dateAdded: now }],
  };
};

/** Makes a new user from the message of CreateUser, and checks that its names are well-formed. Throws INVALID_ARGUMENT FIELD_INVALID. */
export const checkedUserOf = (user: UserMessage): NewUser => {
  const checked = newUserOf(user);
  assertNewNames(user);
  return checked;
};
