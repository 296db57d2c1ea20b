import { filled, nullAs, nullable, optional, text, time } from "../fields.ts";
import { optionValue } from "../option-value.ts";
import { defineReader } from "../reader.ts";
import { type StagingTable, TEXT } from "../staging.ts";

/** The staging table of the identity providers in an import file. */
export const identityProviders = {
  name: "import_identity_provider",
  table: "identity_provider",
  ofSeveralModels: true,
  columns: { type: TEXT, external_id: TEXT, config: "jsonb", create_time: "timestamptz(3)" },
  derived: { is_implied: "boolean default false" },
} as const satisfies StagingTable;

/** Reads the type of an identity provider: a text of 1 to 64 characters. */
export const providerType = filled(64);

const fields = {
  type: providerType,
  external_id: optional(nullAs("", text(200))),
  config: optional(nullable(optionValue)),
  date_added: optional(nullAs(undefined, time)),
};

/** The import reader of `sentry.identityprovider` records, which hold identity providers. */
export const sentryIdentityProvider = defineReader({
  model: "sentry.identityprovider",
  becomes: "an identity provider",
  into: identityProviders,
  fields,
  row: ({ external_id = "", date_added, ...columns }) => ({ ...columns, external_id, create_time: date_added }),
});
