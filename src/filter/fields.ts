import type { RawBuilder } from "kysely";
import type { Place } from "./tree.ts";

/** The type of the values that a filter compares a field with. */
export type FilterType = {
  readonly type: "bigint" | "int" | "boolean" | "text" | "timestamptz" | "enum";
  /** The stored numbers of an enum's values, keyed by their names; empty for other types. */
  readonly values: ReadonlyMap<string, number>;
  /** Makes the form of a text that the column holds; absent = it holds texts as they are. */
  readonly fold?: (text: string) => string;
};

/** A field that filters can name, and that has one value or none. */
export type FilterColumn = FilterType & {
  /** The column in statements: a constant. */
  readonly column: RawBuilder<unknown>;
  readonly isNullable: boolean;
  /** What an index finds: equal values, texts by their beginning, texts by a part of at least 3 characters. Absent = nothing. */
  readonly index?: readonly ("equal" | "beginning" | "part")[];
  /** The value of a bool that few rows have, which an index finds. Absent = there is none. */
  readonly rare?: boolean;
  /** True if each row has to be looked up in another table. Absent = false. */
  readonly isLookedUp?: boolean;
  /** Makes the condition on a row of the list, if the column is of another table. */
  readonly via?: (condition: RawBuilder<boolean>, place: Place) => RawBuilder<boolean>;
  /** Makes the condition, served by trigrams, that the lines of a row, of which the column is one, match one of these patterns of LIKE. */
  readonly search?: (patterns: readonly string[], place: Place) => RawBuilder<boolean>;
};

/** A field that filters can name, and that has several values. A filter asks whether a certain value is among them, or whether there are any. */
export type FilterList = {
  readonly type: "list";
  readonly item: FilterType;
  readonly holds: (value: RawBuilder<unknown>, place: Place) => RawBuilder<boolean>;
  readonly isNotEmpty: RawBuilder<boolean>;
  /** True if an index finds the rows that have a value; absent = false. */
  readonly index?: boolean;
  /** True if the values are in another table than the rows of the list; absent = false. */
  readonly isElsewhere?: boolean;
};

/** The fields and functions that the filters of one list can name, and the names of fields that are not declared for filters. */
export type FilterFields = {
  /** The fields that filters can name, keyed by name. */
  readonly declared: ReadonlyMap<string, FilterColumn | FilterList>;
  /** Functions of the id of a user, such as readable(7), keyed by name; each makes its condition in SQL. Absent = there are none. */
  readonly relations?: ReadonlyMap<string, (userId: RawBuilder<unknown>) => RawBuilder<boolean>>;
  /** The names of the fields that filters could name if they were declared. */
  readonly undeclared: ReadonlySet<string>;
};
