import { canonicalName } from "../../names/canonical.ts";
import { Unfit } from "../fault.ts";
import { type Field, list, matching, nullAs, optional, text, time } from "../fields.ts";
import type { ValuesOf } from "../reader.ts";
import { type StagedRow, type StagingTable, TEXT, userReferenceColumns } from "../staging.ts";

/** The columns for the metadata of accounts and profiles, and for their times. */
const metadataColumns = {
  name: TEXT,
  description: "text",
  semver: TEXT,
  annotations: "jsonb",
  tags: "text[]",
  tags_canonical: "text[]",
  create_time: "timestamptz(3)",
  update_time: "timestamptz(3)",
} as const;

/** The staging table of the accounts in an import file. */
export const accounts = {
  name: "import_account",
  table: "account",
  columns: { number: TEXT, is_default: "boolean", ...metadataColumns },
} as const satisfies StagingTable;

/** The staging table of the profiles in an import file. */
export const profiles = {
  name: "import_profile",
  table: "user_profile",
  columns: { ...userReferenceColumns, account_pk: "bigint", profile_image_url: TEXT, is_test: "boolean", ...metadataColumns },
  derived: { user_id: "bigint", account_id: "bigint" },
} as const satisfies StagingTable;

/** The staging table of the contacts of the accounts in an import file. */
export const accountContacts = {
  name: "import_account_contact",
  table: "account_contact",
  columns: { account_pk: "bigint", email: TEXT, email_canonical: TEXT, name: TEXT, is_primary: "boolean", create_time: "timestamptz(3)" },
  derived: { account_id: "bigint" },
} as const satisfies StagingTable;

const MAX_TAGS = 100;
const MAX_ANNOTATIONS = 100;
const MAX_ANNOTATIONS_BYTES = 64 * 1024;
const KEY = /^[a-zA-Z0-9._/-]+$/;
/** The expression of https://semver.org, with ASCII digits only, as in the proto. */
const SEMVER =
  /^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(?:-((?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$/;

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null && !Array.isArray(value);

/** Numbers that JSON numbers can't hold have no place in annotations. */
const toJson = (value: unknown): string =>
  JSON.stringify(value, (_, member: unknown) => {
    if (typeof member === "bigint") throw new Unfit("hold an integer beyond 2^53");
    if (typeof member === "string" && (member.includes("\0") || !member.isWellFormed())) {
      throw new Unfit("hold a NUL character or half of a surrogate pair");
    }
    return member;
  });

/** A list of objects, or one object, which stands for a list of it. Old files hold it as text. */
const annotations: Field<string> = (value) => {
  const read = isObject(value) ? [value] : list(value);
  if (!read.every(isObject)) throw new Unfit("are no objects");
  if (read.length > MAX_ANNOTATIONS) throw new Unfit(`are more than ${MAX_ANNOTATIONS}`);
  if (!read.every((annotation) => Object.keys(annotation).every((key) => KEY.test(key)))) {
    throw new Unfit('have keys that are not of letters, digits, ".", "_", "/" and "-" only');
  }
  const json = toJson(read);
  if (Buffer.byteLength(json) > MAX_ANNOTATIONS_BYTES) throw new Unfit("are larger than 64 KiB");
  return json;
};

const tags: Field<string[]> = (value, note) => {
  const read = list(value).map(text(100));
  if (read.includes("")) throw new Unfit("hold an empty one");
  const byCanonical = new Map<string, string>();
  for (const tag of read) if (!byCanonical.has(canonicalName(tag))) byCanonical.set(canonicalName(tag), tag);
  if (byCanonical.size < read.length) note("hold one twice, in other letters or in the same: the first stands");
  if (byCanonical.size > MAX_TAGS) throw new Unfit(`are more than ${MAX_TAGS}`);
  return [...byCanonical.values()];
};

/** Maps each field that the records of accounts and of profiles share to the function (`Field`) that reads it. */
export const metadataFields = {
  name: optional(nullAs("", text(255))),
  description: optional(nullAs("", text(10_000))),
  version: optional(nullAs(undefined, matching(128, SEMVER, "is no semantic version (SemVer 2)"))),
  annotations: optional(nullAs("[]", annotations)),
  tags: optional(nullAs(undefined, tags)),
  created_at: optional(nullAs(undefined, time)),
  updated_at: optional(nullAs(undefined, time)),
};

/** Makes the columns of a staged account or profile from the values that `metadataFields` read. */
export const metadataRow = ({ version, created_at, updated_at, ...columns }: ValuesOf<typeof metadataFields>): StagedRow => ({
  ...columns,
  semver: version,
  tags_canonical: columns.tags?.map(canonicalName),
  create_time: created_at,
  update_time: updated_at,
});
