import type { RawBuilder } from "kysely";

/** A field that has one value, or none. */
export type FilterColumn = {
  readonly type: "bigint" | "int" | "boolean" | "text" | "timestamptz" | "enum";
  /** The column in statements: a constant. */
  readonly column: RawBuilder<unknown>;
  readonly isNullable: boolean;
  /** The values of an enum by their names; else none. */
  readonly values: ReadonlyMap<string, number>;
};

/** A field that has many ids. */
export type FilterList = {
  readonly type: "list";
  /** True of the rows whose ids meet a condition. */
  readonly some: (condition: (id: RawBuilder<unknown>) => RawBuilder<boolean>) => RawBuilder<boolean>;
};

/** The fields of what is listed, by their names in the proto. */
export type FilterFields = {
  /** Those that filters can name. */
  readonly declared: ReadonlyMap<string, FilterColumn | FilterList>;
  /** Those that filters could name if they were declared. */
  readonly undeclared: ReadonlySet<string>;
};
