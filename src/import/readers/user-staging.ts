import { canonicalName } from "../../names/canonical.ts";
import { checkOf, UNUSABLE, unverifiableKind } from "../../passwords/stored-hash.ts";
import { Unfit } from "../fault.ts";
import { type Field, type Note, text } from "../fields.ts";
import { type StagedRow, type StagingTable, TEXT } from "../staging.ts";

/** The columns of `users` that a file may leave out → what a new user gets then. */
export const userColumns = {
  name: "''",
  name_canonical: "''",
  email: "''",
  password: "''",
  is_active: "true",
  is_staff: "false",
  is_superuser: "false",
  is_managed: "false",
  is_unclaimed: "false",
  is_suspended: "false",
  is_app: "false",
  is_password_expired: "false",
  last_password_change: "null",
  flags: "0",
  session_nonce: "null",
  avatar_type: "0",
  avatar_url: "null",
  external_id: "null",
  date_joined: "now()",
} as const;

/** The users of a file, whichever model they come from. */
export const users = {
  name: "import_user",
  table: "users",
  columns: {
    username: TEXT,
    username_canonical: TEXT,
    // As the file has it: what natural keys name, also after a rename.
    natural_name: TEXT,
    natural_canonical: TEXT,
    name: TEXT,
    name_canonical: TEXT,
    email: TEXT,
    email_canonical: TEXT,
    password: TEXT,
    is_active: "boolean",
    is_staff: "boolean",
    is_superuser: "boolean",
    is_managed: "boolean",
    is_unclaimed: "boolean",
    is_suspended: "boolean",
    is_app: "boolean",
    is_password_expired: "boolean",
    last_password_change: "timestamptz(3)",
    flags: "bigint",
    session_nonce: TEXT,
    avatar_type: "smallint",
    avatar_url: TEXT,
    external_id: TEXT,
    date_joined: "timestamptz(3)",
    last_login: "timestamptz(3)",
    last_active: "timestamptz(3)",
  },
  derived: { is_joined: "boolean default false", origin_name: TEXT, former_external_id: TEXT },
  getsIds: true,
} as const satisfies StagingTable;

/** The models of users that userd knows; any other one is a project's own. */
export const knownUserModels = ["sentry.user", "auth.user"] as const;

/** The longest username that the API takes; an address that stands in for a username can be longer. */
const MAX_USERNAME = 128;

const isBlank = (value: string | null | undefined): boolean => value === null || value === undefined || value.trim() === "";

/** The hash of a password. One that no code here can verify is worth nothing, except to whoever steals it: it is not kept. */
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

/** A name, and how searches see it. */
export const named = (name: string | undefined): StagedRow => ({
  name,
  name_canonical: name === undefined ? undefined : canonicalName(name),
});

/** The columns by which a user is known. A blank username is the address (U1). */
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
