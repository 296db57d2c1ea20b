import { isPictureUrl } from "../../users/imported-user.ts";
import { bool, int, type Note, nullAs, nullable, optional, text, time, trimmed, upTo } from "../fields.ts";
import { defineReader } from "../reader.ts";
import { identity, named, password, users } from "./user-staging.ts";

const [LETTERS, UPLOAD] = [0n, 1n];

/** 0 letters, 1 an upload, 2 Gravatar. */
const avatarType = upTo(2n, "is not 0, 1 or 2");

/** A picture that SetAvatar would refuse is left out: a user whose avatar it was gets letters. */
const avatar = (type: bigint | undefined, url: string | null | undefined, note: Note) => {
  const isUpload = type === UPLOAD;
  if (isUpload && url && isPictureUrl(url)) return { avatar_type: type, avatar_url: url };
  if (isUpload) note("avatar_url is no picture that SetAvatar takes: the avatar is letters");
  else if (url) note("avatar_url belongs to an avatar that is no upload, and is left out");
  else return { avatar_type: type, avatar_url: url };
  return { avatar_type: isUpload ? LETTERS : type, avatar_url: null };
};

const fields = {
  username: optional(nullable(text(200))),
  name: optional(nullAs("", text(200))),
  email: optional(nullAs("", trimmed(200))),
  password: optional(nullAs("", password)),
  is_active: optional(bool),
  is_staff: optional(bool),
  is_superuser: optional(bool),
  is_managed: optional(bool),
  is_unclaimed: optional(bool),
  is_suspended: optional(bool),
  is_sentry_app: optional(nullAs(false, bool)),
  is_password_expired: optional(bool),
  last_password_change: optional(nullable(time)),
  flags: optional(nullAs(0n, int)),
  session_nonce: optional(nullable(text(12))),
  avatar_type: optional(avatarType),
  avatar_url: optional(nullable(text(2048))),
  date_joined: optional(nullAs(undefined, time)),
  last_login: optional(nullable(time)),
  last_active: optional(nullable(time)),
};

/** The import reader of `sentry.user` records, which hold the users of Sentry. */
export const sentryUser = defineReader({
  model: "sentry.user",
  becomes: "a user, with all fields",
  into: users,
  isKnownByName: true,
  fields,
  row: ({ username, name, email, is_sentry_app, avatar_type, avatar_url, ...columns }, _, note) => ({
    ...columns,
    ...avatar(avatar_type, avatar_url, note),
    ...identity(username, email, note),
    ...named(name),
    is_app: is_sentry_app,
  }),
});
