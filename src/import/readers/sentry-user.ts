import { Unfit } from "../fault.ts";
import { bool, type Field, int, nullAs, nullable, optional, text, time } from "../fields.ts";
import { defineReader } from "../reader.ts";
import { identity, named, users } from "./user-staging.ts";

/** 0 letters, 1 an upload, 2 Gravatar. */
const avatarType: Field<bigint> = (value) => {
  const type = int(value);
  if (type < 0n || type > 2n) throw new Unfit("is not 0, 1 or 2");
  return type;
};

const fields = {
  username: optional(nullable(text(200))),
  name: optional(nullAs("", text(200))),
  email: optional(nullAs("", text(200))),
  password: optional(nullAs("", text(10_000))),
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

/** `sentry.user`: accounts, with all their fields. */
export const sentryUser = defineReader({
  model: "sentry.user",
  becomes: "a user, with all fields",
  into: users,
  fields,
  row: ({ username, name, email, is_sentry_app, ...columns }) => ({
    ...columns,
    ...identity(username, email),
    ...named(name),
    is_app: is_sentry_app,
  }),
});
