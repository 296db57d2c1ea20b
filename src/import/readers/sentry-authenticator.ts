import { nullAs, nullable, optional, time, upTo, userReference } from "../fields.ts";
import { optionValue } from "../option-value.ts";
import { defineReader } from "../reader.ts";
import { type StagingTable, userReferenceColumns } from "../staging.ts";

/** The staging table of the second factors in an import file. The column `config` holds the configuration of a second factor, encrypted. */
export const authenticators = {
  name: "import_authenticator",
  table: "authenticator",
  isLeaf: true,
  columns: {
    ...userReferenceColumns,
    type: "smallint",
    config: "bytea",
    create_time: "timestamptz(3)",
    last_used_time: "timestamptz(3)",
  },
  derived: { user_id: "bigint" },
} as const satisfies StagingTable;

/** 0 recovery codes, 1 TOTP, 2 SMS, 3 U2F. */
const authenticatorType = upTo(3n, "is not 0, 1, 2 or 3");

const fields = {
  user: userReference,
  type: authenticatorType,
  config: optional(nullable(optionValue)),
  created_at: optional(nullAs(undefined, time)),
  last_used_at: optional(nullable(time)),
};

/** The import reader of `sentry.authenticator` records, which hold the second factors of users. */
export const sentryAuthenticator = defineReader({
  model: "sentry.authenticator",
  becomes: "a second factor; its config is stored locked",
  into: authenticators,
  fields,
  row: ({ user, type, config, created_at, last_used_at }, vault) => ({
    ...user,
    type,
    config: config ? `\\x${vault.lock(config).toString("hex")}` : config,
    create_time: created_at,
    last_used_time: last_used_at,
  }),
});
