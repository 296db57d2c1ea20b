import type { DescField, DescFile, DescMessage } from "@bufbuild/protobuf";
import type { AggregateKind } from "../../versions/aggregate.ts";

/** The PostgreSQL types that fields of kinds have columns of. */
export type ColumnType = "bigint" | "int" | "smallint" | "boolean" | "text" | "timestamptz" | "jsonb";

/** Something that references can name: a kind, or one of the models that are written by hand. */
export type Referent = {
  /** The name in `reference.kind`. */
  readonly name: string;
  readonly table: string;
  /** The column that says which organization it belongs to; undefined = it belongs to none. */
  readonly organization: string | undefined;
  /** It has a `delete_time`. */
  readonly isSoft: boolean;
};

/** The reference of a column that holds an id. */
export type Reference = {
  readonly to: Referent;
  readonly isParent: boolean;
  /** The effect of removing for good what the column refers to. */
  readonly deletion: "cascade" | "set null";
};

/** A field that is a column. */
export type Column = {
  readonly field: DescField;
  /** The name of the field, and of its column; the etag of a table that is older than kinds is in the column "version". */
  readonly name: string;
  readonly type: ColumnType;
  /** The number of the enum's value that is stored as 0; 0 but in tables that are older than kinds. */
  readonly enumBase: number;
  /** The value of an enum that is shown of what is deleted. */
  readonly deletedValue?: number;
  readonly isNullable: boolean;
  /** The value when a request has none; null where the column can be null, and where there has to be one. */
  readonly defaultValue: string | number | bigint | boolean | null;
  /** Create demands it. */
  readonly isRequired: boolean;
  /** It has to have more than white space. */
  readonly isNotBlank: boolean;
  /** The field that a slug is made from; "" = it is no slug. */
  readonly slugFrom: string;
  readonly isImmutable: boolean;
  /** The service sets it. */
  readonly isOutputOnly: boolean;
  readonly reference?: Reference;
  /** Of a text; else 0. */
  readonly maxLength: number;
  /** Of a text: the rules want a character at least. */
  readonly isNotEmpty: boolean;
};

/** A repeated reference, which is a table of its own. */
export type Link = {
  readonly field: DescField;
  /** The name of the field. */
  readonly name: string;
  readonly table: string;
  /** The column of the link table that names the other side. */
  readonly column: string;
  readonly to: Referent;
  /** It shows what other RPCs link. */
  readonly isOutputOnly: boolean;
};

/** Columns by which a resource is found, or a list is ordered. */
export type ColumnList = { readonly name: string; readonly columns: readonly Column[] };

/** Something that a resource is part of, and the column of the level below that names it. */
export type Ancestor = { readonly to: Referent; readonly column: string };

/** A model that is served without code of its own. */
export type Kind = Referent & {
  readonly message: DescMessage;
  readonly file: DescFile;
  readonly service: string;
  /** The name of several. */
  readonly plural: string;
  /** The name as words. */
  readonly label: string;
  readonly columns: readonly Column[];
  readonly links: readonly Link[];
  /** The column that names the parent; of organizations, which have none, the id. */
  readonly parent: Column;
  /** From the parent up to the organization. */
  readonly ancestors: readonly Ancestor[];
  /** Each is a unique constraint. */
  readonly keys: readonly ColumnList[];
  /** The indexes besides those of keys. */
  readonly indexes: readonly ColumnList[];
  readonly readPermission: string;
  readonly writePermission: string;
  /** The reasons of its errors are called after it, and not those of all kinds. */
  readonly hasOwnReasons: boolean;
  /** What its writes lock and move. */
  readonly aggregates: readonly AggregateKind[];
};

/** The column of a kind that says which organization a resource belongs to. */
export const ORGANIZATION_ID = "organization_id";

/** The kind that all others belong to. */
export const ORGANIZATION = "organization";
