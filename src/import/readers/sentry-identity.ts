import { key, nullAs, nullable, optional, time, userReference } from "../fields.ts";
import { optionValue } from "../option-value.ts";
import { defineReader } from "../reader.ts";
import type { StagingTable } from "../staging.ts";
import { externalId, linkColumns } from "./link-staging.ts";

/** The identities of a file. */
export const identities = {
  name: "import_identity",
  columns: linkColumns,
  derived: { user_id: "bigint", provider_id: "bigint" },
} as const satisfies StagingTable;

const fields = {
  user: userReference,
  idp: key,
  external_id: externalId,
  data: optional(nullable(optionValue)),
  date_added: optional(nullAs(undefined, time)),
  date_verified: optional(nullAs(undefined, time)),
};

/** `sentry.identity`: users as identity providers know them. */
export const sentryIdentity = defineReader({
  model: "sentry.identity",
  into: identities,
  fields,
  row: ({ user, idp, date_added, date_verified, ...columns }) => ({
    ...user,
    ...columns,
    parent_pk: idp,
    create_time: date_added,
    verify_time: date_verified ?? date_added,
  }),
});
