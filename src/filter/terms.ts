import { type RawBuilder, sql } from "kysely";
import type { FilterColumn, FilterList, FilterType } from "./fields.ts";
import type { Cost, Term } from "./tree.ts";

/** A comparison operator between a field and a value. */
export type Operator = "=" | "<>" | "<" | "<=" | ">" | ">=";

/** A value that a filter compares a field with; the statement gets it as a bound parameter. */
export type FilterValue = string | boolean | number | bigint | Date;

/** The fewest characters that an index of trigrams can find within a text. */
const INDEXED_LENGTH = 3;

/** The types that values are bound as: an int is compared with any whole number. */
const types = { bigint: "bigint", int: "bigint", boolean: "boolean", text: "text", timestamptz: "timestamptz", enum: "smallint" } as const;

const folded = ({ fold }: FilterType, value: FilterValue): FilterValue => {
  if (typeof value === "bigint") return String(value);
  return typeof value === "string" && fold !== undefined ? fold(value) : value;
};

const bound = (field: FilterType, value: FilterValue): RawBuilder<unknown> => sql`${folded(field, value)}::${sql.raw(types[field.type])}`;

const term = ({ via, search, isLookedUp = false }: FilterColumn, cost: Cost, condition: Term["sql"]): Term => {
  const made: Term = {
    op: "term",
    cost,
    isElsewhere: via !== undefined || search !== undefined,
    sql: via === undefined ? condition : (place) => via(condition(place), place),
  };
  // To look up each row costs the same whatever is wanted there.
  return isLookedUp ? { ...made, opposite: { ...made, sql: (place) => sql`(${made.sql(place)}) is not true` } } : made;
};

/** What an index does not find is met in a walk, if that need not look up each row elsewhere. */
const unserved = ({ isLookedUp = false }: FilterColumn): Cost => (isLookedUp ? "scan" : "walk");

/** Makes a term whose condition is on another table than that of the list's rows. */
export const elsewhere = (cost: Cost, sql: Term["sql"]): Term => ({ op: "term", cost, isElsewhere: true, sql });

/** Makes the term that a bool field equals `value`. */
export const is = (field: FilterColumn, value: boolean): Term => {
  const make = (wanted: boolean): Term => ({
    ...term(field, field.rare === wanted ? "index" : "walk", () => (wanted ? sql`${field.column}` : sql`not ${field.column}`)),
    compares: { field, operator: "=" },
  });
  return { ...make(value), ...(!field.isNullable && { opposite: make(!value) }) };
};

/** Escapes a text for a LIKE pattern, so that the pattern matches exactly this text. */
export const literal = (text: string): string => text.replaceAll(/[\\%_]/g, "\\$&");

/** The condition, which may take the search of lines along. No line has a line break. */
const searched = (
  field: FilterColumn,
  condition: RawBuilder<boolean>,
  texts: readonly string[],
  pattern: (text: string) => string,
): Term => {
  const { search } = field;
  if (search === undefined || texts.length === 0) return term(field, "index", () => condition);
  if (texts.some((text) => text.includes("\n"))) return term(field, "scan", () => condition);
  return term(
    field,
    "index",
    (place) =>
      sql`(${condition} and ${search(
        texts.map((text) => pattern(literal(text))),
        place,
      )})`,
  );
};

const equals = (field: FilterColumn, values: readonly FilterValue[], condition: RawBuilder<boolean>): Term => {
  if (field.index?.includes("equal")) return term(field, "index", () => condition);
  if (field.search === undefined) return term(field, unserved(field), () => condition);
  return searched(
    field,
    condition,
    values.map((value) => String(folded(field, value))),
    (text) => `%\n${text}\n%`,
  );
};

/** Makes the term that compares a field with `value` by `operator`. */
export const compared = (field: FilterColumn, operator: Operator, value: FilterValue): Term => {
  if (typeof value === "boolean") return is(field, value === (operator === "="));
  const condition = sql<boolean>`${field.column} ${sql.raw(operator)} ${bound(field, value)}`;
  const made = operator === "=" ? equals(field, [value], condition) : term(field, unserved(field), () => condition);
  return { ...made, compares: { field, operator } };
};

/** Makes the term that a field has one of these values. */
export const oneOf = (field: FilterColumn, values: readonly FilterValue[]): Term => {
  const array = sql`${values.map((value) => folded(field, value))}::${sql.raw(types[field.type])}[]`;
  // An empty array is equal to nothing, so an index of what is not null would not serve without saying it.
  const isThere = field.isNullable ? sql`${field.column} is not null and ` : sql``;
  return equals(field, values, sql`(${isThere}${field.column} = any(${array}))`);
};

/** Makes the term that a field has a value. */
export const isPresent = (field: FilterColumn): Term => term(field, unserved(field), () => sql`${field.column} is not null`);

const like = (field: FilterColumn, value: string, isBeginning: boolean): Term => {
  const { index = [] } = field;
  const text = folded(field, value) as string;
  // Not starts_with() or strpos(), which trigram indexes do not serve.
  const condition = sql<boolean>`${field.column} like ${`${isBeginning ? "" : "%"}${literal(text)}%`}::text`;
  if (text === "") return term(field, "walk", () => condition);
  if (isBeginning && index.includes("beginning")) return term(field, "index", () => condition);
  if (!index.includes("part")) return term(field, isBeginning ? "walk" : "scan", () => condition);
  if ([...text].length < INDEXED_LENGTH) return term(field, "scan", () => condition);
  return searched(field, condition, [text], (part) => `%${part}%`);
};

/** Makes the term that the value of a field begins with `text`. */
export const startsWith = (field: FilterColumn, text: string): Term => like(field, text, true);

/** Makes the term that the value of a field has `text` in it. */
export const contains = (field: FilterColumn, text: string): Term => like(field, text, false);

const ofList = ({ index = false, isElsewhere = false }: FilterList, sql: Term["sql"], isIndexed: boolean): Term => ({
  op: "term",
  cost: index && isIndexed ? "index" : "walk",
  isElsewhere,
  sql,
});

/** Makes the term that `value` is among the values of a field. */
export const holds = (list: FilterList, value: FilterValue): Term =>
  ofList(list, (place) => list.holds(bound(list.item, value), place), true);

/** Makes the term that a field with several values has at least one. */
export const isNotEmpty = (list: FilterList): Term => ofList(list, () => list.isNotEmpty, false);
