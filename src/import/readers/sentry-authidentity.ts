import { key, nullAs, nullable, optional, time, userReference } from "../fields.ts";
import { optionValue } from "../option-value.ts";
import { defineReader } from "../reader.ts";
import type { StagingTable } from "../staging.ts";
import { externalId, linkColumns } from "./link-staging.ts";

/** The staging table of the auth identities in an import file. */
export const authIdentities = {
  name: "import_auth_identity",
  table: "auth_identity",
  isLeaf: true,
  columns: { ...linkColumns, sync_time: "timestamptz(3)" },
  derived: { user_id: "bigint", provider_id: "bigint" },
} as const satisfies StagingTable;

const fields = {
  user: userReference,
  auth_provider: key,
  ident: externalId,
  data: optional(nullable(optionValue)),
  date_added: optional(nullAs(undefined, time)),
  last_verified: optional(nullAs(undefined, time)),
  last_synced: optional(nullable(time)),
};

/** The import reader of `sentry.authidentity` records, which hold auth identities: the links of users to sign-in providers. */
export const sentryAuthIdentity = defineReader({
  model: "sentry.authidentity",
  becomes: "an identity that the auth provider of an organization gave a member",
  into: authIdentities,
  fields,
  row: ({ user, auth_provider, ident, date_added, last_verified, last_synced, ...columns }) => ({
    ...user,
    ...columns,
    parent_pk: auth_provider,
    external_id: ident,
    create_time: date_added,
    verify_time: last_verified ?? date_added,
    sync_time: last_synced,
  }),
});
