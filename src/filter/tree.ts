import { type RawBuilder, sql } from "kysely";
import { type DomainError, failedPrecondition } from "../errors.ts";

/** A function that makes the condition that a column's value is among the results of a query. */
export type In = (column: RawBuilder<unknown>, query: RawBuilder<unknown>) => RawBuilder<boolean>;

/** A function that makes the condition that an id comes after the last id of the previous page. */
export type Beyond = (id: RawBuilder<unknown>) => RawBuilder<boolean>;

/** What a term builds its subqueries with: the tests whether a value is among a query's results, and whether an id is still to be listed. */
export type Place = {
  readonly isIn: In;
  /** For subqueries: the planner does not derive it for them. */
  readonly beyond: Beyond;
};

/**
 * The way in which PostgreSQL finds rows: by an index, by reading rows in order until the page is full (`walk`), or by testing all rows
 * (`scan`).
 */
export type Cost = "index" | "walk" | "scan";

/** One condition on a row of a list. */
export type Term = {
  readonly op: "term";
  readonly cost: Cost;
  /** True if the condition is on another table than the rows of the list. */
  readonly isElsewhere: boolean;
  readonly sql: (place: Place) => RawBuilder<boolean>;
  /** The field and the operator of a comparison with a value; absent = the term is something else. */
  readonly compares?: { readonly field: unknown; readonly operator: string };
  /** The term that is met where this one is not; absent = there is none. */
  readonly opposite?: Term;
  /** Where it stands in the text of the filter, such as "at line 1, column 4"; absent = the filter is a message. */
  readonly place?: string;
};

/** A filter as a tree of terms, whether it was written in CEL or as a message. */
export type Condition =
  | Term
  | { readonly op: "and" | "or"; readonly parts: readonly Condition[] }
  | { readonly op: "not"; readonly part: Term };

/** The condition that every row meets. */
export const always: Condition = { op: "and", parts: [] };

/** The condition that no row meets. */
export const never: Condition = { op: "or", parts: [] };

/**
 * Negates a condition. A row that fails the condition because a field is null meets the negation. In the result only terms are negated,
 * never groups, so that a filter costs the same however it is written.
 */
export const negated = (condition: Condition): Condition => {
  if (condition.op === "not") return condition.part;
  if (condition.op !== "term") return { op: condition.op === "and" ? "or" : "and", parts: condition.parts.map(negated) };
  const { opposite } = condition;
  return opposite === undefined ? { op: "not", part: condition } : { ...opposite, opposite: condition };
};

/** Notes on a term, and on its opposite, where it stands in the text of a filter. */
export const placed = (condition: Condition, place: string): Condition => {
  if (condition.op !== "term") return condition;
  const { opposite } = condition;
  return { ...condition, place, ...(opposite && { opposite: { ...opposite, place } }) };
};

/** Lists the terms of a condition. */
export const termsOf = (condition: Condition): readonly Term[] => {
  if (condition.op === "term") return [condition];
  return condition.op === "not" ? [condition.part] : condition.parts.flatMap(termsOf);
};

const costOf = (condition: Condition): Cost => {
  if (condition.op === "term") return condition.cost;
  // What few rows have, most do not; but a text has to be looked at to know that.
  if (condition.op === "not") return condition.part.cost === "scan" ? "scan" : "walk";
  const costs = condition.parts.map(costOf);
  if (condition.op === "and" && costs.includes("index")) return "index";
  if (costs.includes("scan")) return "scan";
  return costs.includes("walk") || condition.op === "and" ? "walk" : "index";
};

/** The first term for which all rows would be tested. */
const scanned = (condition: Condition): Term | undefined => {
  if (condition.op === "term") return condition;
  if (condition.op === "not") return condition.part;
  return condition.parts.filter((part) => costOf(part) === "scan").map(scanned)[0];
};

/** Makes the error QUERY_NOT_INDEXED of a filter: the place of a term, if it is known, and what is wrong. */
export const notIndexed = (term: Term | undefined, told: string): DomainError => {
  const description = term?.place === undefined ? told : `${term.place}: ${told}`;
  const message = term?.place === undefined ? `filter: ${told}` : `filter ${description}`;
  return failedPrecondition("QUERY_NOT_INDEXED", message, { violations: [{ field: "filter", description }] });
};

/**
 * Checks that PostgreSQL can answer a filter without testing all rows.
 * @param says the end of the error's message, which tells the caller what to add to the filter.
 * @throws FAILED_PRECONDITION QUERY_NOT_INDEXED with the place of a term for which all rows would be tested.
 */
export const requireServed = (condition: Condition, says: string): void => {
  if (costOf(condition) !== "scan") return;
  throw notIndexed(scanned(condition), `no index serves it: ${says}`);
};

/** PostgreSQL joins what the query finds, or keeps it in a hash table. */
const inList: In = (column, query) => sql`${column} in (${query})`;

/** Makes the condition `column = any(array(query))`: PostgreSQL runs the query first, then uses the column's index, even within OR. */
export const inArray: In = (column, query) => sql`${column} = any(array(${query}))`;

/** Tells whether all alternatives have indexes, but some not on the list's table: as one plain condition they would read all rows. */
const crossesTables = (parts: readonly Condition[]): boolean =>
  parts.length > 1 && parts.every((part) => costOf(part) === "index") && parts.flatMap(termsOf).some(({ isElsewhere }) => isElsewhere);

const sqlOf = (condition: Condition, place: Place): RawBuilder<boolean> => {
  if (condition.op === "term") return condition.sql(place);
  if (condition.op === "not") return sql`(${condition.part.sql({ ...place, isIn: inList })}) is not true`;
  const { op, parts } = condition;
  if (parts.length === 0) return op === "and" ? sql`true` : sql`false`;
  const within = op === "or" && crossesTables(parts) ? { ...place, isIn: inArray } : place;
  return sql`(${sql.join(
    parts.map((part) => sqlOf(part, within)),
    sql.raw(` ${op} `),
  )})`;
};

/**
 * Converts a condition to SQL, with values as bound parameters.
 * @param beyond limits subqueries on users to ids after the previous page; by default, the subqueries search all users.
 */
export const toSql = (condition: Condition, beyond: Beyond = () => sql`true`): RawBuilder<boolean> =>
  sqlOf(condition, { isIn: inList, beyond });
