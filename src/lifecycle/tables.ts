import { type Kind, OWNER_PROFILE_ID, unqualified } from "../contract/kinds/kind.ts";
import type { Schema } from "../schema/entities.ts";

/** How two values of a column become one: the greater, the lesser, or true if one of them is. */
export type Join = "greatest" | "least" | "or";

/**
 * What a merge does with the rows of a table that belong to its source. "rows": they become the target's, and where both have the same `key` one
 * of the two goes. "moves": they become the target's, and never collide. "ends": they are removed. "stays": they stay with the source until that
 * is removed. "apart": code of its own. "none": the table has no rows of users.
 */
export type MergeRule =
  | {
      readonly as: "rows";
      /** The columns that name a row among those of its owner. */
      readonly key: readonly string[];
      /** The columns that make a conflict where they differ; without any, the two rows are the same. */
      readonly values: readonly string[];
      /** The column by which MERGE_WINNER_NEWEST decides. */
      readonly newest?: string;
      /** The columns of the target's row that take over something of the source's when the two rows are the same. */
      readonly joins?: Readonly<Record<string, Join>>;
      /** Plans do not rest on it: its rows come and go by themselves. */
      readonly isQuiet?: true;
    }
  | { readonly as: "moves" | "ends" | "stays" | "apart" | "none" };

/** What an erasure does with the rows of a user: removes them, clears what refers to the user in them, or leaves them. */
type EraseRule = "removed" | "cleared" | "left";

/**
 * What an export of a user shows of a table. "personal": the rows of the user, which are personal data. "context": the rows of others that
 * those refer to. "derived": nothing, since the database makes the rows anew. "never": nothing, since the rows serve the service itself.
 */
type ExportRule = "personal" | "context" | "derived" | "never";

/** The life of the rows of a table: in a merge, in an erasure and in an export. */
export type TableLife = {
  readonly merge: MergeRule;
  readonly erase: EraseRule;
  readonly export: ExportRule;
  /** The columns that an export leaves out unless secrets are asked for. */
  readonly secrets?: readonly string[];
};

const none = { as: "none" } as const;
const shared = { merge: none, erase: "left", export: "context" } as const;
const internal = { merge: none, erase: "left", export: "never" } as const;

const mine = (merge: MergeRule, secrets?: readonly string[]) =>
  ({ merge, erase: "removed", export: "personal", ...(secrets && { secrets }) }) as const;

/** The life of each table that is written by hand. The compiler misses a table without its line; a test, a column that a line names. */
export const tables = {
  users: mine({ as: "apart" }, ["password", "session_nonce"]),
  user_activity: mine({ as: "apart" }),
  user_ip: mine({
    as: "rows",
    key: ["ip"],
    values: [],
    joins: { first_seen: "least", last_seen: "greatest" },
    isQuiet: true,
  }),
  user_search: { merge: { as: "apart" }, erase: "removed", export: "derived" },
  user_email: mine({ as: "rows", key: ["email_canonical"], values: [], joins: { is_verified: "or", date_added: "least" } }, [
    "verification_hash",
  ]),
  user_option: mine({ as: "rows", key: ["scope_kind", "scope_id", "key"], values: ["value", "expire_time"], newest: "update_time" }),
  password_reset: { merge: { as: "ends" }, erase: "removed", export: "never" },
  user_permission: mine({ as: "rows", key: ["permission"], values: [] }),
  role: shared,
  role_permission: shared,
  role_member: mine({ as: "rows", key: ["role_id"], values: [] }),
  identity_provider: { ...shared, secrets: ["config"] },
  identity: mine({ as: "rows", key: ["provider_id"], values: ["external_id"], newest: "verify_time" }, ["data"]),
  auth_provider: { ...shared, secrets: ["config"] },
  auth_identity: mine({ as: "rows", key: ["provider_id"], values: ["external_id"], newest: "verify_time" }, ["data"]),
  authenticator: mine({ as: "rows", key: ["type"], values: ["config"], newest: "create_time" }, ["config"]),
  account: shared,
  account_contact: mine({ as: "moves" }),
  user_profile: mine({ as: "apart" }),
  resource: mine({ as: "rows", key: ["kind", "name"], values: [] }),
  // What was written for the source stays its history, and goes with it.
  option_revision: mine({ as: "stays" }),
  // Says where that is.
  parted_history: { merge: { as: "stays" }, erase: "removed", export: "derived" },
  scope_option: internal,
  purged_scope: internal,
  import_origin: internal,
  organization: shared,
  project: shared,
  team: shared,
  organization_member: mine({ as: "rows", key: ["organization_id"], values: [], joins: { role: "greatest", create_time: "least" } }),
  team_member: mine({ as: "apart" }),
  project_team: internal,
  user_merge: { merge: none, erase: "removed", export: "never" },
  merge_part: { merge: none, erase: "removed", export: "never" },
  merge_move: { merge: none, erase: "removed", export: "never" },
  merge_discard: { merge: none, erase: "removed", export: "never" },
  // A held user is neither merged nor erased.
  user_hold: { merge: none, erase: "removed", export: "personal" },
  erasure: internal,
  changes: internal,
  audit_chain: internal,
  feed: internal,
  feed_head: internal,
  version_bump: internal,
  aggregate_version: internal,
  name_version: internal,
  // What the version before has left there; a purge removes names from it.
  canonical_name: internal,
  // The answers about a user are blanked; the rows stay, so that no write runs twice.
  idempotency: { ...internal, erase: "cleared" },
} as const satisfies Record<keyof Schema, TableLife>;

/** Columns that say when a row was written and how often, which make no conflict. */
const bookkeeping = new Set(["id", "etag", "create_time", "update_time", "last_used_time", OWNER_PROFILE_ID]);

/** Tells whether a kind belongs to profiles: then it lives as its profile does. */
const isOwned = ({ belongsTo }: Pick<Kind, "belongsTo">): boolean => belongsTo?.to === "profile";

const ownedMerge = ({ keys, columns, secrets, isLarge }: Kind): MergeRule => {
  const key = keys.find((one) => one.columns.some(({ name }) => name === OWNER_PROFILE_ID));
  if (isLarge || key === undefined) return { as: "moves" };
  const names = key.columns.flatMap(({ name }) => (name === OWNER_PROFILE_ID ? [] : [name]));
  const newest = columns.find(({ name }) => name === "update_time") ?? columns.find(({ name }) => name === "create_time");
  const values = [...columns, ...secrets].flatMap(({ name }) => (bookkeeping.has(name) || names.includes(name) ? [] : [name]));
  return { as: "rows", key: names, values, ...(newest && { newest: newest.name }) };
};

/** Returns the columns of a kind that refer to users. */
export const userColumnsOf = ({ columns }: Pick<Kind, "columns">): readonly string[] =>
  columns.flatMap(({ name, reference }) => (reference?.to.name === "user" ? [name] : []));

/** Returns the life of the rows of a kind, which follows from what its message declares. */
export const lifeOfKind = (kind: Kind): TableLife => {
  const secrets = kind.secrets.map(({ name }) => name);
  if (isOwned(kind)) return { merge: ownedMerge(kind), erase: "removed", export: "personal", secrets };
  if (userColumnsOf(kind).length > 0) return { merge: { as: "moves" }, erase: "cleared", export: "personal", secrets };
  return { merge: none, erase: "left", export: "never", secrets };
};

/** Returns the life of the rows of any table; undefined = the table has no declaration. */
export const lifeOf = (kinds: readonly Kind[], table: string): TableLife | undefined => {
  const known = (tables as Readonly<Record<string, TableLife>>)[table];
  if (known !== undefined) return known;
  const kind = kinds.find((one) => one.table === table || unqualified(one.table) === table);
  if (kind !== undefined) return lifeOfKind(kind);
  const isLink = kinds.some(({ links }) => links.some((link) => link.table === table));
  return isLink ? { merge: none, erase: "left", export: "never" } : undefined;
};
