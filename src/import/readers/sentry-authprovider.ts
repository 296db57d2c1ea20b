import { Unfit } from "../fault.ts";
import { type Field, key, nullAs, nullable, optional, text, time } from "../fields.ts";
import { optionValue } from "../option-value.ts";
import { defineReader } from "../reader.ts";
import { type StagingTable, TEXT } from "../staging.ts";

/** How the organizations of a file sign in. */
export const authProviders = {
  name: "import_auth_provider",
  columns: { organization_id: "bigint", provider: TEXT, config: "jsonb", create_time: "timestamptz(3)" },
} as const satisfies StagingTable;

const provider: Field<string> = (value) => {
  const name = text(128)(value);
  if (name === "") throw new Unfit("is empty");
  return name;
};

const fields = {
  provider,
  // Exports call a reference by its column or, older ones, by its field.
  organization_id: optional(nullable(key)),
  organization: optional(nullable(key)),
  config: optional(nullable(optionValue)),
  date_added: optional(nullAs(undefined, time)),
};

/** `sentry.authprovider`: how the members of an organization sign in. */
export const sentryAuthProvider = defineReader({
  model: "sentry.authprovider",
  into: authProviders,
  fields,
  row: ({ organization_id, organization, date_added, ...columns }) => {
    const id = organization_id ?? organization;
    if (!id) throw new Unfit("it names no organization");
    return { ...columns, organization_id: id, create_time: date_added };
  },
});
