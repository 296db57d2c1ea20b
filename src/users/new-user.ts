import type { User as UserMessage } from "../gen/userd/v1/user_pb.ts";
import { canonicalName } from "../names/canonical.ts";
import { usernameOf } from "./create-user.ts";
import { NEWSLETTER_CONSENT_PROMPT } from "./user.mapping.ts";

/** An address of a user that is to be stored. */
export type NewEmail = { readonly email: string; readonly canonical: string; readonly isVerified: boolean; readonly dateAdded: Date };

/** A user that is to be stored: checked, but for its names, which depend on other users. */
export type NewUser = {
  /** Only of a user that was another installation's. */
  readonly id?: bigint;
  readonly canonical: string;
  readonly columns: {
    readonly username: string;
    readonly name: string;
    readonly email: string;
    readonly external_id: string | null;
    readonly password: string;
    readonly is_active: boolean;
    readonly is_staff: boolean;
    readonly is_superuser: boolean;
    readonly is_managed: boolean;
    readonly is_unclaimed: boolean;
    readonly is_suspended: boolean;
    readonly is_app: boolean;
    readonly is_password_expired: boolean;
    readonly last_password_change: Date | null;
    readonly flags: bigint;
    readonly avatar_type: number;
    readonly avatar_url: string | null;
    readonly date_joined: Date;
  };
  readonly emails: readonly NewEmail[];
  /** The caller vouches for its addresses: that others list them, unverified, is not in the way of its username. */
  readonly isVouchedFor?: boolean;
  readonly lastLogin?: Date | undefined;
  readonly lastActive?: Date | undefined;
};

/**
 * What CreateUser makes of a message.
 * @throws INVALID_ARGUMENT FIELD_INVALID.
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
