import type { DescField, DescFile, DescMessage } from "@bufbuild/protobuf";
import type { AggregateKind } from "../../versions/aggregate.ts";

/** The PostgreSQL types that columns of kinds can have; `bytea` are secrets only. */
export type ColumnType = "bigint" | "int" | "double precision" | "smallint" | "boolean" | "text" | "timestamptz" | "jsonb" | "bytea";

/** Tells whether keys, orders and filters can use a type: not jsonb, secrets, nor floating-point numbers, which can differ where they look equal. */
export const isComparable = (type: ColumnType): boolean => type !== "jsonb" && type !== "double precision" && type !== "bytea";

/** What resources belong to, an organization or a profile, and the column that holds its id. */
export type Belonging = { readonly to: "organization" | "profile"; readonly column: string };

/** Something that references can name: a kind, or one of the models that are written by hand. */
export type Referent = {
  /** The name in `reference.kind`. */
  readonly name: string;
  /** The plural of the name. */
  readonly plural: string;
  readonly message: DescMessage;
  readonly table: string;
  /** The permission that callers need to read it. */
  readonly readPermission: string;
  /** What it belongs to, and the column that says to which; undefined = it belongs to nothing, or to several organizations. */
  readonly belongsTo: Belonging | undefined;
  /** The table of links that say which organizations share it; undefined = it is not shared. */
  readonly sharedBy?: string;
  /** Its rows have a `delete_time`: they are deleted softly. */
  readonly isSoft: boolean;
};

/** The target of a column that holds an id, and the effect on the column's row when the target is removed for good. */
export type Reference = {
  readonly to: Referent;
  readonly isParent: boolean;
  /** The effect of removing for good what the column refers to. */
  readonly deletion: "cascade" | "set null";
};

/** A field of a kind's message that is stored as a column of the kind's table. */
export type Column = {
  readonly field: DescField;
  /** The name of the field, and of its column; the etag of a table that is older than kinds is in the column "version". */
  readonly name: string;
  readonly type: ColumnType;
  /** The number of the enum's value that is stored as 0; 0 but in tables that are older than kinds. */
  readonly enumBase: number;
  /** The value of an enum that a deleted resource shows; it is never stored. */
  readonly deletedValue?: number;
  readonly isNullable: boolean;
  /** The value when a request has none; null where the column can be null, and where there has to be one. */
  readonly defaultValue: string | number | bigint | boolean | null;
  /** Create refuses a resource without a value in it. */
  readonly isRequired: boolean;
  /** The text has to have more than white space. */
  readonly isNotBlank: boolean;
  /** A text without a value becomes a new UUID. */
  readonly isUuid: boolean;
  /** A time without a value becomes the time of the call. */
  readonly isNow: boolean;
  /** The field that a slug is made from; "" = it is no slug. */
  readonly slugFrom: string;
  readonly isImmutable: boolean;
  /** Only the service sets it: values in requests are ignored. */
  readonly isOutputOnly: boolean;
  /** The change log keeps its values. */
  readonly isAudited: boolean;
  readonly reference?: Reference;
  /** The most characters of a text; 0 for other types. */
  readonly maxLength: number;
  /** The rules of the field demand at least one character of a text. */
  readonly isNotEmpty: boolean;
};

/** The form of the tokens of a hashed field, and the columns that say something of a token. */
export type TokenFields = {
  readonly prefix: string;
  /** The column that shows the last characters of the token. */
  readonly lastCharacters: Column | undefined;
  /** The column with the time when the token was verified last. */
  readonly lastUsed: Column | undefined;
  /** The columns with times from which on the token is refused. */
  readonly ends: readonly Column[];
  /** The column without which the token is refused. */
  readonly active: Column | undefined;
};

/**
 * A secret field of a kind. It is stored as a `bytea` column, but is none of the kind's `columns`, so that no statement and no answer has its
 * value unless it asks for secrets.
 */
export type Secret = {
  readonly field: DescField;
  /** The name of the field, and of its column. */
  readonly name: string;
  /** The way in which it is stored: encrypted, or as the SHA-256 of a token. */
  readonly secrecy: "sealed" | "hashed";
  readonly isBytes: boolean;
  /** Every resource has a value of it. */
  readonly isRequired: boolean;
  /** The tokens of a hashed field. */
  readonly token?: TokenFields;
};

/** A repeated reference of a kind, which is stored in a table of its own. */
export type Link = {
  readonly field: DescField;
  /** The name of the field. */
  readonly name: string;
  readonly table: string;
  /** The column of the link table that names the other side. */
  readonly column: string;
  readonly to: Referent;
  /** Only other RPCs change the links: the resource just shows them. */
  readonly isOutputOnly: boolean;
  /** A resource always has one of them at least. */
  readonly isRequired: boolean;
  /** The most of them that a resource has; 0 where the rules of the field do not say. */
  readonly maxItems: number;
};

/** A key or an index of a kind: the columns by which a resource is found, or a list is ordered. */
export type ColumnList = { readonly name: string; readonly columns: readonly Column[] };

/** An ancestor of a resource, such as its parent, and the column that holds the ancestor's id in the table of its direct child. */
export type Ancestor = { readonly to: Referent; readonly column: string };

/** A model whose standard RPCs are served from what its message declares, without code of its own. */
export type Kind = Referent & {
  readonly file: DescFile;
  readonly service: string;
  /** The name with blanks between its words. */
  readonly label: string;
  readonly columns: readonly Column[];
  readonly links: readonly Link[];
  /** The secret fields, which `columns` does not have. */
  readonly secrets: readonly Secret[];
  /** The column that names the parent; the id where there is none: of organizations, and of what organizations share. */
  readonly parent: Column;
  /** The field of a list's request that says whose resources are listed: the parent, or an organization that shares them. */
  readonly listedBy: { readonly name: string; readonly localName: string };
  /** From the parent up to the organization or profile. */
  readonly ancestors: readonly Ancestor[];
  /** Each is a unique constraint. */
  readonly keys: readonly ColumnList[];
  /** The indexes besides those of keys. */
  readonly indexes: readonly ColumnList[];
  /** In each of these lists one column at most has a value. */
  readonly choices: readonly ColumnList[];
  readonly writePermission: string;
  /** The permission to reveal sealed fields; "" = there are none. */
  readonly revealPermission: string;
  /** The permission to ask whose a token is; "" = the kind has no hashed field. */
  readonly verifyPermission: string;
  /** Its errors have reasons that are named after it, instead of those that kinds share. */
  readonly hasOwnReasons: boolean;
  /** The kinds of the aggregates that its writes lock, and whose versions they raise. */
  readonly aggregates: readonly AggregateKind[];
  /** Get by the id is answered from the cache, by the versions of this kind of aggregates, of which each resource has one; undefined = it is not. */
  readonly cachedBy: AggregateKind | undefined;
  /** Its resources are records, which are appended in batches and never changed. */
  readonly isLarge: boolean;
  /** The time from which a record is kept for a number of days; undefined = records are kept as long as their parent. */
  readonly retention?: { readonly column: Column; readonly days: number };
  /** Whether the setting READ_POLICY lets the users of an account read what its profiles own; undefined = it does not. */
  readonly isAccountWide?: boolean;
};

/** A kind whose place among the others is not known. It can be read of every message, whatever the faults of the message. */
export type UnplacedKind = Omit<Kind, "parent" | "listedBy" | "ancestors">;

/** Tells whether a column of a kind has a foreign key: of a large kind only the parent has, since each costs time with every record. */
export const hasForeignKey = ({ isLarge }: Pick<Kind, "isLarge">, { reference }: Column): boolean =>
  reference !== undefined && (!isLarge || reference.isParent);

/** All that the resources of a kind refer to in one model or kind: the fields that do, and the lowest of the fields' numbers. */
export type Referred = { readonly to: Referent; readonly number: number; readonly fields: readonly (Column | Link)[] };

/** Returns what the resources of a kind refer to, in the order of the lowest field numbers. */
export const referredBy = ({ columns, links }: Pick<Kind, "columns" | "links">): readonly Referred[] => {
  const referring = [
    ...columns.flatMap((field) => (field.reference ? [{ field, to: field.reference.to }] : [])),
    ...links.map((field) => ({ field, to: field.to })),
  ];
  const numbered = [...Map.groupBy(referring, ({ to }) => to.name).values()].map((same) => ({
    to: (same[0] as (typeof same)[number]).to,
    number: Math.min(...same.map(({ field }) => field.field.number)),
    fields: same.map(({ field }) => field),
  }));
  return numbered.toSorted((a, b) => a.number - b.number);
};

/** The column of a kind that says which organization a resource belongs to. */
export const ORGANIZATION_ID = "organization_id";

/** The PostgreSQL schema that has the tables of mounted kinds, so that their names never collide with those of userd's own tables. */
export const MOUNTED_SCHEMA = "kinds";

/** Returns the name of a table without its schema; the names of the table's constraints and indexes begin with this name. */
export const unqualified = (table: string): string => table.slice(table.indexOf(".") + 1);

/** Tells whether a kind is one that an operator mounts, and not built in. */
export const isMounted = ({ table }: Pick<Referent, "table">): boolean => table.startsWith(`${MOUNTED_SCHEMA}.`);

/** The name of the model of organizations, to which resources belong unless a profile owns them. */
export const ORGANIZATION = "organization";

/** The name of the model of projects, which can be parents of resources, as organizations can. */
export const PROJECT = "project";

/** The name of the model of user profiles, which own resources. */
export const PROFILE = "profile";

/** The column of a kind that says which profile owns a resource. */
export const OWNER_PROFILE_ID = "owner_profile_id";

/** The name of the model of users, which is no kind: references can name it. */
export const USER = "user";

/** The name of the field that says which organizations share a resource. */
export const ORGANIZATION_IDS = "organization_ids";

/** Returns the hashed field of a kind, with its tokens; undefined if there is none. */
export const tokenOf = ({ secrets }: Pick<Kind, "secrets">): (Secret & { readonly token: TokenFields }) | undefined =>
  secrets.find((secret): secret is Secret & { readonly token: TokenFields } => secret.token !== undefined);

/** Returns the sealed fields of a kind. */
export const sealedOf = ({ secrets }: Pick<Kind, "secrets">): readonly Secret[] => secrets.filter(({ secrecy }) => secrecy === "sealed");

/** Returns the permissions that the RPCs of a kind demand. */
export const permissionsOf = ({
  readPermission,
  writePermission,
  revealPermission,
  verifyPermission,
}: Pick<Kind, "readPermission" | "writePermission" | "revealPermission" | "verifyPermission">): readonly string[] =>
  [readPermission, writePermission, revealPermission, verifyPermission].filter((permission) => permission !== "");
