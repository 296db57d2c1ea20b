import { type RawBuilder, sql } from "kysely";
import type { FilterColumn, FilterFields, FilterList } from "./fields.ts";
import { type Expr, MAX_TERMS, type ParsedFilter } from "./parse.ts";
import { boundUserId, boundValue, boundValues } from "./value.ts";

/** The most levels of what stands in one another: !(…), and groups of && or ||. */
const MAX_LEVELS = 8;

// Maps: the names of functions are those of a client, and an object knows some by itself.
const groups: ReadonlyMap<string, string> = new Map([
  ["_&&_", "and"],
  ["_||_", "or"],
]);
const equalities = [
  ["_==_", "="],
  ["_!=_", "<>"],
] as const;
const comparisons: ReadonlyMap<string, string> = new Map([...equalities, ["_<_", "<"], ["_<=_", "<="], ["_>_", ">"], ["_>=_", ">="]]);

const TERM =
  'there may be FIELD == VALUE, with !=, <, <=, > or >= too, FIELD in [VALUE, …], ID in LIST, has(FIELD), FIELD.startsWith("…"), readable(USER_ID), owned(USER_ID), a bool field, true or false';

const id = { type: "bigint", values: new Map() } as const;

const callOf = ({ exprKind }: Expr) => (exprKind.case === "callExpr" ? exprKind.value : undefined);

/** The operands of a && b && c, which the parser nests to the left. */
const operandsOf = (expr: Expr, name: string): readonly Expr[] => {
  const found: Expr[] = [];
  let at = expr;
  for (let call = callOf(at); call?.function === name; call = callOf(at)) {
    const [left, right] = call.args as [Expr, Expr];
    found.push(right);
    at = left;
  }
  return [...found, at].toReversed();
};

/** Checks the tree of a filter against fields, and makes SQL of it: constant columns, bound values. */
const createChecker = (filter: ParsedFilter, { declared, relations, undeclared }: FilterFields) => {
  const { invalid, notIndexed } = filter;
  const namesOf = (which: (field: FilterColumn | FilterList) => boolean): string =>
    [...declared].flatMap(([name, field]) => (which(field) ? [name] : [])).join(", ") || "none";

  const fieldOf = (at: Expr): FilterColumn | FilterList => {
    const known = `filters can name ${namesOf(() => true)}`;
    if (at.exprKind.case !== "identExpr") throw invalid(at, `there may be a field: ${known}`);
    const { name } = at.exprKind.value;
    const field = declared.get(name);
    if (field !== undefined) return field;
    if (undeclared.has(name))
      throw notIndexed(at, `the field is neither declared for filters nor in a key, an index or a reference; ${known}`);
    throw invalid(at, `no field that filters can name; ${known}`);
  };

  const columnOf = (at: Expr): FilterColumn => {
    const field = fieldOf(at);
    if (field.type === "list") throw invalid(at, "a list of ids, which ID in LIST and has(LIST) ask about");
    return field;
  };

  const compare = (at: Expr, name: string, [left, right]: readonly [Expr, Expr]): RawBuilder<boolean> => {
    const field = columnOf(left);
    const isOrdered = field.type !== "boolean" && field.type !== "enum";
    if (!isOrdered && !equalities.some(([one]) => one === name)) throw invalid(at, "the field has no order; there may be == or !=");
    return sql`${field.column} ${sql.raw(comparisons.get(name) ?? "")} ${boundValue(filter, field, right)}`;
  };

  const isIn = ([left, right]: readonly [Expr, Expr]): RawBuilder<boolean> => {
    if (right.exprKind.case === "listExpr") {
      const field = columnOf(left);
      if (field.type === "boolean") throw invalid(left, "a bool, which is compared by == or !=");
      return sql`${field.column} = any(${boundValues(filter, field, right.exprKind.value.elements)})`;
    }
    const lists = `there may be [VALUE, …] or a field with ids: ${namesOf(({ type }) => type === "list")}`;
    const list = right.exprKind.case === "identExpr" ? fieldOf(right) : undefined;
    if (list?.type !== "list") throw invalid(right, lists);
    const value = boundValue(filter, id, left);
    return list.some((one) => sql`${one} = ${value}`);
  };

  const has = (at: Expr): RawBuilder<boolean> => {
    const field = fieldOf(at);
    if (field.type === "list") return field.some(() => sql`true`);
    const nullable = namesOf((one) => one.type === "list" || one.isNullable);
    if (!field.isNullable) throw invalid(at, `the field always has a value; has(…) takes ${nullable}`);
    return sql`${field.column} is not null`;
  };

  const startsWith = (target: Expr, prefix: Expr): RawBuilder<boolean> => {
    const field = columnOf(target);
    if (field.type !== "text") throw invalid(target, `no text; startsWith takes ${namesOf(({ type }) => type === "text")}`);
    return sql`starts_with(${field.column}, ${boundValue(filter, field, prefix)})`;
  };

  const term = (at: Expr): RawBuilder<boolean> => {
    const { exprKind } = at;
    if (exprKind.case === "constExpr" && exprKind.value.constantKind.case === "boolValue") {
      return exprKind.value.constantKind.value ? sql`true` : sql`false`;
    }
    if (exprKind.case === "identExpr") {
      const field = fieldOf(at);
      if (field.type === "boolean") return sql`${field.column}`;
    }
    const { function: name = "", target, args = [] } = callOf(at) ?? {};
    const [first, second] = args;
    if (first !== undefined && second !== undefined && target === undefined && args.length === 2) {
      if (comparisons.has(name)) return compare(at, name, [first, second]);
      if (name === "@in") return isIn([first, second]);
    }
    if (first !== undefined && args.length === 1) {
      if (name === "has" && target === undefined) return has(first);
      const relation = target === undefined ? relations.get(name) : undefined;
      if (relation !== undefined) return relation(boundUserId(filter, first));
      if (name === "startsWith" && target !== undefined) return startsWith(target, first);
    }
    throw invalid(at, TERM);
  };

  let terms = 0;
  const condition = (at: Expr, level: number): RawBuilder<boolean> => {
    const { function: name = "", args = [] } = callOf(at) ?? {};
    const group = groups.get(name);
    if (group === undefined && name !== "!_") {
      if (++terms > MAX_TERMS) throw invalid(at, `more than ${MAX_TERMS} terms`);
      return term(at);
    }
    if (level > MAX_LEVELS) throw invalid(at, `more than ${MAX_LEVELS} levels`);
    const parts = (group === undefined ? args : operandsOf(at, name)).map((part) => condition(part, level + 1));
    // What a field without a value is compared with is not met, so its negation is.
    return group === undefined ? sql`(${sql.join(parts)}) is not true` : sql`(${sql.join(parts, sql.raw(` ${group} `))})`;
  };
  return condition;
};

/**
 * Makes the condition in SQL that a filter stands for.
 * @throws INVALID_ARGUMENT for what is no condition on these fields; FAILED_PRECONDITION QUERY_NOT_INDEXED for `fields.undeclared`.
 */
export const conditionOf = (filter: ParsedFilter, fields: FilterFields): RawBuilder<boolean> =>
  createChecker(filter, fields)(filter.expr, 1);
