import type { RawBuilder } from "kysely";

/** A field, for filters, that has one value or none. */
export type FilterColumn = {
  readonly type: "bigint" | "int" | "boolean" | "text" | "timestamptz" | "enum";
  /** The column in statements: a constant. */
  readonly column: RawBuilder<unknown>;
  readonly isNullable: boolean;
  /** The stored numbers of an enum's values, keyed by their names; empty for other types. */
  readonly values: ReadonlyMap<string, number>;
};

/** A field, for filters, that lists the ids of linked resources. A filter asks whether the list has a certain id, or any. */
export type FilterList = {
  readonly type: "list";
  /** Makes the condition in SQL that at least one of the ids of a row meets `condition`. */
  readonly some: (condition: (id: RawBuilder<unknown>) => RawBuilder<boolean>) => RawBuilder<boolean>;
};

/** The fields of the resources that a filter selects from, with their names in the proto. */
export type FilterFields = {
  /** The fields that filters can name, keyed by name. */
  readonly declared: ReadonlyMap<string, FilterColumn | FilterList>;
  /** Functions of the id of a user, such as readable(7), keyed by name; each makes its condition in SQL. */
  readonly relations: ReadonlyMap<string, (userId: RawBuilder<unknown>) => RawBuilder<boolean>>;
  /** The names of the fields that filters could name if they were declared. */
  readonly undeclared: ReadonlySet<string>;
};
