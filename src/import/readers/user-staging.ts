import { canonicalName } from "../../names/canonical.ts";
import { checkOf, UNUSABLE, unverifiableKind } from "../../passwords/stored-hash.ts";
import { Unfit } from "../fault.ts";
import { type Field, type Note, text } from "../fields.ts";
import { type StagedRow, type StagingTable, TEXT } from "../staging.ts";

/** The columns of `users` that a file may leave out: the SQL type, and what a new user gets then. */
const optionalColumns = {
  name: [TEXT, "''"],
  name_canonical: [TEXT, "''"],
  email: [TEXT, "''"],
  password: [TEXT, "''"],
  is_active: ["boolean", "true"],
  is_staff: ["boolean", "false"],
  is_superuser: ["boolean", "false"],
  is_managed: ["boolean", "false"],
  is_unclaimed: ["boolean", "false"],
  is_suspended: ["boolean", "false"],
  is_app: ["boolean", "false"],
  is_password_expired: ["boolean", "false"],
  last_password_change: ["timestamptz(3)", "null"],
  flags: ["bigint", "0"],
  session_nonce: [TEXT, "null"],
  avatar_type: ["smallint", "0"],
  avatar_url: [TEXT, "null"],
  external_id: [TEXT, "null"],
  date_joined: ["timestamptz(3)", "now()"],
} as const;

const optionalColumn = (part: 0 | 1) => Object.fromEntries(Object.entries(optionalColumns).map(([name, parts]) => [name, parts[part]]));

/** Maps each column of `users` that a file may leave out to the SQL expression of its default for a new user. */
export const userColumns: Readonly<Record<string, string>> = optionalColumn(1);

/** The staging table of all users in an import file, whatever their model. */
export const users = {
  name: "import_user",
  table: "users",
  columns: {
    username: TEXT,
    username_canonical: TEXT,
    // As the file has it: what natural keys name, also after a rename.
    natural_name: TEXT,
    natural_canonical: TEXT,
    email_canonical: TEXT,
    ...optionalColumn(0),
    last_login: "timestamptz(3)",
    last_active: "timestamptz(3)",
  },
  derived: { is_joined: "boolean default false", origin_name: TEXT, former_external_id: TEXT },
  getsIds: true,
} as const satisfies StagingTable;

/** The user models that userd knows by name: those of Sentry and Django. Any other user model is a Django project's own. */
export const knownUserModels = ["sentry.user", "auth.user"] as const;

/** The most characters of a username, as in the API. An address, which may stand in for a username, can have more. */
const MAX_USERNAME = 128;

const isBlank = (value: string | null | undefined): boolean => value === null || value === undefined || value.trim() === "";

/** Reads the hash of a password. A hash that userd can't verify is dropped, with a note: the user then has no usable password. */
export const password: Field<string> = (value, note) => {
  const hash = text(10_000)(value);
  if (hash === "" || checkOf(hash) !== undefined) return hash;
  if (hash.startsWith(UNUSABLE)) {
    note("says that there is no usable one");
    return hash;
  }
  note(`can't be verified, being ${unverifiableKind(hash)}: the user has none that is usable`);
  return UNUSABLE;
};

/** Makes the columns for the name of a user: the name as written, and its canonical form for searches. */
export const named = (name: string | undefined): StagedRow => ({
  name,
  name_canonical: name === undefined ? undefined : canonicalName(name),
});

/**
 * Makes the columns for the username and the address of a user, each as written and in canonical form. A blank username is replaced by the
 * address (U1 in docs/behaviours.md).
 */
export const identity = (username: string | null | undefined, address: string | undefined, note: Note): StagedRow => {
  const isAddress = isBlank(username) || username?.trim() === address;
  const name = isAddress ? (address ?? "") : (username as string);
  if (isAddress && !isBlank(username) && username !== address)
    note("username is the address with white space around it, which is left out");
  else if (name !== name.trim()) note("username has white space around it, and stays as it is");
  if (name === "") throw new Unfit("it has no username and no address");
  if ([...name].length > MAX_USERNAME) throw new Unfit(`its username is longer than ${MAX_USERNAME} characters`);
  const canonical = canonicalName(name);
  return {
    username: name,
    username_canonical: canonical,
    natural_name: isBlank(username) ? name : username,
    natural_canonical: isBlank(username) ? canonical : canonicalName(username as string),
    email: address,
    email_canonical: address === undefined ? undefined : canonicalName(address),
  };
};
