import { bool, filled, int, nullAs, nullable, optional, time, upTo } from "../fields.ts";
import { optionValue } from "../option-value.ts";
import { defineReader } from "../reader.ts";
import { type StagingTable, TEXT } from "../staging.ts";
import { eitherOf, reference } from "./organization-staging.ts";

/** The staging table of the sign-in providers of organizations in an import file. */
export const authProviders = {
  name: "import_auth_provider",
  table: "auth_provider",
  columns: {
    organization_id: "bigint",
    provider: TEXT,
    config: "jsonb",
    create_time: "timestamptz(3)",
    default_role: "integer",
    default_global_access: "boolean",
    flags: "bigint",
  },
} as const satisfies StagingTable;

const role = upTo(2_147_483_647n, "is not from 0 to 2,147,483,647");

const fields = {
  provider: filled(128),
  organization_id: reference,
  organization: reference,
  config: optional(nullable(optionValue)),
  date_added: optional(nullAs(undefined, time)),
  default_role: optional(nullable(role)),
  default_global_access: optional(nullAs(false, bool)),
  flags: optional(nullAs(0n, int)),
};

/** The import reader of `sentry.authprovider` records, which hold the sign-in providers of organizations. */
export const sentryAuthProvider = defineReader({
  model: "sentry.authprovider",
  becomes: "the auth provider of an organization",
  into: authProviders,
  fields,
  notHeld: {
    default_teams: "userd puts nobody into a team by itself",
    last_sync: "it is the state of Sentry's own job, which userd does not run",
    sync_time: "it is the state of Sentry's own job, which userd does not run",
  },
  row: ({ organization_id, organization, date_added, ...columns }) => ({
    ...columns,
    organization_id: eitherOf(organization_id, organization, "organization"),
    create_time: date_added,
  }),
});
