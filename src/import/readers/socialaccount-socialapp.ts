import { nullAs, optional, text } from "../fields.ts";
import { defineReader } from "../reader.ts";
import { identityProviders, providerType } from "./sentry-identityprovider.ts";

const SECRET = "it is a secret of the program that signs users in, which userd is not";

/** The import reader of `socialaccount.socialapp` records, which hold the identity providers that are set up in django-allauth. */
export const socialApp = defineReader({
  model: "socialaccount.socialapp",
  becomes: "an identity provider; `provider_id` tells several of one type apart",
  into: identityProviders,
  fields: {
    provider: providerType,
    provider_id: optional(nullAs("", text(200))),
    name: optional(nullAs("", text(200))),
    client_id: optional(nullAs("", text(1_000))),
  },
  notHeld: {
    secret: SECRET,
    key: SECRET,
    settings: SECRET,
    sites: "userd does not tell the sites of a project apart",
  },
  row: ({ provider, provider_id = "", name = "", client_id = "" }) => ({
    type: provider,
    external_id: provider_id,
    config: JSON.stringify({ name, client_id }),
  }),
});
