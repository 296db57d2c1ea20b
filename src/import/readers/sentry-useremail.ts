import { hash } from "node:crypto";
import { canonicalName } from "../../names/canonical.ts";
import { Unfit } from "../fault.ts";
import { bool, type Field, nullAs, nullable, optional, type Plain, text, time, trimmed, userReference } from "../fields.ts";
import { defineReader } from "../reader.ts";
import { type StagingTable, TEXT, userReferenceColumns } from "../staging.ts";

/** The staging table of the addresses of users in an import file. The merge adds the primary addresses that have no record of their own. */
export const emails = {
  name: "import_email",
  table: "user_email",
  ofSeveralModels: true,
  isLeaf: true,
  columns: {
    ...userReferenceColumns,
    email: TEXT,
    email_canonical: TEXT,
    is_verified: "boolean",
    date_added: "timestamptz(3)",
    verification_hash: "bytea",
    verification_hash_time: "timestamptz(3)",
    is_primary: "boolean",
  },
  derived: { user_id: "bigint", is_implied: "boolean default false" },
} as const satisfies StagingTable;

/** Reads an address of at most 200 characters. Throws Unfit if the address is empty or null. */
export const address: Field<string> = (value, note) => {
  const read = nullAs("", trimmed(200))(value, note);
  if (read === "") throw new Unfit("is empty");
  return read;
};

/** The file holds the token itself; only its hash is stored. */
const tokenHash: Plain<string | null> = (value) => {
  const token = value === null ? "" : text(1000)(value);
  return token === "" ? null : `\\x${hash("sha256", token, "hex")}`;
};

const fields = {
  user: userReference,
  email: address,
  is_verified: optional(bool),
  validation_hash: optional(tokenHash),
  date_hash_added: optional(nullable(time)),
};

/** The import reader of `sentry.useremail` records, which hold the addresses of users. */
export const sentryUserEmail = defineReader({
  model: "sentry.useremail",
  becomes: "an address of a user",
  into: emails,
  fields,
  row: ({ user, email, is_verified, validation_hash: token, date_hash_added: time }) => ({
    ...user,
    email,
    email_canonical: canonicalName(email),
    is_verified,
    date_added: time ?? undefined,
    verification_hash: token,
    verification_hash_time: token === undefined ? undefined : token === null ? null : time,
  }),
});
