import { type RawBuilder, sql } from "kysely";
import type { FilterColumn, FilterList, FilterType } from "./fields.ts";
import type { Cost, In, Term } from "./tree.ts";

/** An operator between a field and a value. */
export type Operator = "=" | "<>" | "<" | "<=" | ">" | ">=";

/** A value that a field is compared with, as the driver binds it. */
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

const term = ({ via, search }: FilterColumn, cost: Cost, condition: (isIn: In) => RawBuilder<boolean>): Term => ({
  op: "term",
  cost,
  isElsewhere: via !== undefined || search !== undefined,
  sql: via === undefined ? condition : (isIn) => via(condition(isIn), isIn),
});

/** Makes the term that a bool has a value. */
export const is = (field: FilterColumn, value: boolean): Term => {
  const make = (wanted: boolean): Term =>
    term(field, field.index === wanted ? "index" : "walk", () => (wanted ? sql`${field.column}` : sql`not ${field.column}`));
  return { ...make(value), ...(!field.isNullable && { opposite: make(!value) }) };
};

/** Makes the term that a field has a value which compares so with another one. */
export const compared = (field: FilterColumn, operator: Operator, value: FilterValue): Term =>
  typeof value === "boolean"
    ? is(field, value === (operator === "="))
    : term(
        field,
        operator === "=" && field.index !== undefined ? "index" : "walk",
        () => sql`${field.column} ${sql.raw(operator)} ${bound(field, value)}`,
      );

/** Makes the term that a field has one of these values. */
export const oneOf = (field: FilterColumn, values: readonly FilterValue[]): Term =>
  term(
    field,
    field.index === undefined ? "walk" : "index",
    () => sql`${field.column} = any(${values.map((value) => folded(field, value))}::${sql.raw(types[field.type])}[])`,
  );

/** Makes the term that a field has a value. */
export const isPresent = (field: FilterColumn): Term => term(field, "walk", () => sql`${field.column} is not null`);

/** A pattern of LIKE in which the text stands for itself: only LIKE is served by the indexes of trigrams. */
const literal = (text: string): string => text.replaceAll(/[\\%_]/g, "\\$&");

const costOfText = ({ index, search }: FilterColumn, text: string, isBeginning: boolean): Cost => {
  if (text === "") return "walk";
  if (isBeginning && index === "sorted") return "index";
  if (index !== "trigrams" && index !== "both") return isBeginning ? "walk" : "scan";
  if (isBeginning && index === "both" && search === undefined) return "index";
  return [...text].length >= INDEXED_LENGTH ? "index" : "scan";
};

const like = (field: FilterColumn, value: string, isBeginning: boolean): Term => {
  const text = folded(field, value) as string;
  const { column, search } = field;
  const condition = sql<boolean>`${column} like ${`${isBeginning ? "" : "%"}${literal(text)}%`}::text`;
  const cost = costOfText(field, text, isBeginning);
  if (search === undefined || cost !== "index") return term(field, cost, () => condition);
  return term(field, cost, (isIn) => sql`(${condition} and ${search(`%${literal(text)}%`, isIn)})`);
};

/** Makes the term that a text begins with another one. */
export const startsWith = (field: FilterColumn, text: string): Term => like(field, text, true);

/** Makes the term that a text has another one in it. */
export const contains = (field: FilterColumn, text: string): Term => like(field, text, false);

const ofList = ({ index = false, isElsewhere = false }: FilterList, sql: Term["sql"], isIndexed: boolean): Term => ({
  op: "term",
  cost: index && isIndexed ? "index" : "walk",
  isElsewhere,
  sql,
});

/** Makes the term that a value is among those of a field. */
export const holds = (list: FilterList, value: FilterValue): Term =>
  ofList(list, (isIn) => list.holds(bound(list.item, value), isIn), true);

/** Makes the term that a condition in SQL on other tables is met. */
export const elsewhere = (condition: RawBuilder<boolean>): Term => ({ op: "term", cost: "walk", isElsewhere: true, sql: () => condition });

/** Makes the term that a field has any values. */
export const isNotEmpty = (list: FilterList): Term => ofList(list, () => list.isNotEmpty, false);
