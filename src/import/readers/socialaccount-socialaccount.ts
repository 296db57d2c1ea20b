import { nullAs, nullable, optional, time, userReference } from "../fields.ts";
import { optionValue } from "../option-value.ts";
import { defineReader } from "../reader.ts";
import { externalId } from "./link-staging.ts";
import { identities } from "./sentry-identity.ts";
import { providerType } from "./sentry-identityprovider.ts";

/** The import reader of `socialaccount.socialaccount` records, which hold the identities of users in django-allauth. */
export const socialAccount = defineReader({
  model: "socialaccount.socialaccount",
  becomes: "an identity; its provider is made where neither the file nor userd has it",
  into: identities,
  fields: {
    user: userReference,
    provider: providerType,
    uid: externalId,
    last_login: optional(nullAs(undefined, time)),
    date_joined: optional(nullAs(undefined, time)),
    extra_data: optional(nullable(optionValue)),
  },
  row: ({ user, provider, uid, last_login, date_joined, extra_data }) => ({
    ...user,
    parent_name: provider,
    external_id: uid,
    data: extra_data,
    create_time: date_joined,
    verify_time: last_login ?? date_joined,
  }),
});
