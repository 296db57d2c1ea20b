import { Unfit } from "../fault.ts";
import { type Field, key, list, nullAs, nullable, optional, text, time, upTo, userReference } from "../fields.ts";
import { optionValue } from "../option-value.ts";
import { defineReader } from "../reader.ts";
import type { StagingTable } from "../staging.ts";
import { externalId, linkColumns } from "./link-staging.ts";

/** The staging table of the identities in an import file: the links of users to identity providers. */
export const identities = {
  name: "import_identity",
  table: "identity",
  ofSeveralModels: true,
  columns: { ...linkColumns, scopes: "text[]", status: "smallint" },
  derived: { user_id: "bigint", provider_id: "bigint" },
} as const satisfies StagingTable;

/** 0 unknown, 1 valid, 2 invalid. */
const status = upTo(2n, "is not 0, 1 or 2");

const MAX_SCOPES = 100;
const MAX_SCOPE = 200;

const scopes: Field<string[]> = (value) => {
  const read = list(value).map(text(MAX_SCOPE));
  if (read.length > MAX_SCOPES) throw new Unfit(`has more than ${MAX_SCOPES} entries`);
  return read;
};

const fields = {
  user: userReference,
  idp: key,
  external_id: externalId,
  data: optional(nullable(optionValue)),
  date_added: optional(nullAs(undefined, time)),
  date_verified: optional(nullAs(undefined, time)),
  scopes: optional(nullAs([], scopes)),
  status: optional(nullAs(0n, status)),
};

/** The import reader of `sentry.identity` records, which hold identities: the links of users to identity providers. */
export const sentryIdentity = defineReader({
  model: "sentry.identity",
  becomes: "an identity that an identity provider gave a user",
  into: identities,
  fields,
  row: ({ user, idp, date_added, date_verified, ...columns }) => ({
    ...user,
    ...columns,
    parent_model: "sentry.identityprovider",
    parent_pk: idp,
    create_time: date_added,
    verify_time: date_verified ?? date_added,
  }),
});
