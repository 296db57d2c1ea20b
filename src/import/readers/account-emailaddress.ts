import { canonicalName } from "../../names/canonical.ts";
import { bool, optional, userReference } from "../fields.ts";
import { defineReader } from "../reader.ts";
import { address, emails } from "./sentry-useremail.ts";

/** The import reader of `account.emailaddress` records, which hold the addresses of users in django-allauth. */
export const accountEmailAddress = defineReader({
  model: "account.emailaddress",
  becomes: "an address of a user; a primary one also becomes that of a user without one",
  into: emails,
  fields: { user: userReference, email: address, verified: optional(bool), primary: optional(bool) },
  row: ({ user, email, verified, primary }) => ({
    ...user,
    email,
    email_canonical: canonicalName(email),
    is_verified: verified,
    is_primary: primary,
  }),
});
