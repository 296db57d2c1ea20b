import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { AvatarType, type UserEmailSchema, type UserSchema } from "../gen/userd/v1/user_pb.ts";
import { storedMoment } from "../moment.ts";
import { canonicalName } from "../names/canonical.ts";
import { capitalised } from "../names/title-case.ts";
import { etagOf } from "../versions/etag.ts";
import type { UserEmailRow, UserRow } from "./user.select.ts";

/** The bit of `users.flags` (bit 0) that is set while the user has still to be asked whether it wants the newsletter. */
export const NEWSLETTER_CONSENT_PROMPT = 1n;

/** The stored numbers are those of the model that users are imported from. */
const avatarTypes: readonly AvatarType[] = [AvatarType.LETTER, AvatarType.UPLOAD, AvatarType.GRAVATAR];

/** Returns the number by which an avatar's type is stored. */
export const storedAvatarType = (type: AvatarType): number => Math.max(0, avatarTypes.indexOf(type));

const timestamp = (date: Date | null): Timestamp | undefined => (date === null ? undefined : timestampFromDate(date));

/** Returns the word to greet a user with: "hello world" → "Hello", "a@example.com" → "A". */
const salutationOf = ({ name, username }: Pick<UserRow, "name" | "username">): string => {
  const called = name === "" ? (/^[^@.]*/.exec(username)?.[0] ?? "") : name;
  const first = /\S+/.exec(called)?.[0] ?? "";
  return capitalised(first);
};

/** Converts the row of an address to the message UserEmail. `primaryCanonical` is the canonical name of the user's primary address. */
export const toUserEmail = (row: UserEmailRow, primaryCanonical: string): MessageInitShape<typeof UserEmailSchema> => ({
  email: row.email,
  isVerified: row.is_verified,
  isPrimary: row.email_canonical === primaryCanonical,
  dateAdded: timestampFromDate(typeof row.date_added === "string" ? storedMoment(row.date_added) : row.date_added),
});

/** Converts the addresses of a user's row to messages, the primary one first. */
export const toUserEmails = (row: Pick<UserRow, "email" | "emails">): MessageInitShape<typeof UserEmailSchema>[] => {
  if (row.emails === null) return [];
  const primary = canonicalName(row.email);
  const emails = row.emails.map((email) => toUserEmail(email, primary));
  return emails.sort((a, b) => Number(b.isPrimary) - Number(a.isPrimary));
};

/** Converts the row of a user to the message User. */
export const toUser = (row: UserRow): MessageInitShape<typeof UserSchema> => ({
  id: row.id,
  username: row.username,
  name: row.name,
  email: row.email,
  ...(row.external_id && { externalId: row.external_id }),
  isActive: row.is_active,
  isStaff: row.is_staff,
  isSuperuser: row.is_superuser,
  isManaged: row.is_managed,
  isUnclaimed: row.is_unclaimed,
  isSuspended: row.is_suspended,
  isApp: row.is_app,
  isPasswordExpired: row.is_password_expired,
  hasUsablePassword: Boolean(row.has_usable_password),
  dateJoined: timestamp(row.date_joined),
  lastLogin: timestamp(row.last_login),
  lastActive: timestamp(row.last_active),
  lastPasswordChange: timestamp(row.last_password_change),
  avatar: { type: avatarTypes[row.avatar_type] ?? AvatarType.LETTER, url: row.avatar_url ?? "" },
  newsletterConsentPrompt: (row.flags & NEWSLETTER_CONSENT_PROMPT) !== 0n,
  displayName: row.name === "" ? row.username : row.name,
  label: row.email || row.username || String(row.id),
  salutation: salutationOf(row),
  emails: toUserEmails(row),
  permissions: row.permissions ?? [],
  roleNames: row.role_names ?? [],
  has2fa: Boolean(row.has_2fa),
  deleteTime: timestamp(row.delete_time),
  purgeTime: timestamp(row.purge_time),
  mergedIntoUserId: row.merged_into_user_id ?? 0n,
  etag: etagOf(row),
});
