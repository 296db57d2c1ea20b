import type { FilterColumn, FilterFields, FilterList } from "./fields.ts";
import { type Expr, MAX_TERMS, type ParsedFilter } from "./parse.ts";
import { compared, contains, elsewhere, holds, is, isNotEmpty, isPresent, type Operator, oneOf, startsWith } from "./terms.ts";
import { always, type Condition, negated, never, placed } from "./tree.ts";
import { boundUserId, readValue } from "./value.ts";

/** The most levels of what stands in one another: !(…), and groups of && or ||. */
const MAX_LEVELS = 8;

// Maps: the names of functions are those of a client, and an object knows some by itself.
const groups: ReadonlyMap<string, "and" | "or"> = new Map([
  ["_&&_", "and"],
  ["_||_", "or"],
]);
const comparisons: ReadonlyMap<string, Operator> = new Map([
  ["_==_", "="],
  ["_!=_", "<>"],
  ["_<_", "<"],
  ["_<=_", "<="],
  ["_>_", ">"],
  ["_>=_", ">="],
]);

/** What may be a term, in the sentences of errors. */
const termWords = ({ relations }: FilterFields): string => {
  const asked = [...(relations?.keys() ?? [])].map((name) => ` ${name}(USER_ID),`).join("");
  return `there may be FIELD == VALUE, with !=, <, <=, > or >= too, FIELD in [VALUE, …], VALUE in LIST, has(FIELD), FIELD.startsWith("…"), FIELD.contains("…"),${asked} a bool field, true or false`;
};

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

/** Checks the syntax tree of a filter against fields, and makes conditions of it. */
const createChecker = (filter: ParsedFilter, fields: FilterFields) => {
  const { declared, relations, undeclared } = fields;
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
      throw notIndexed(at, `the field is neither declared by "filter: true" nor in a key, an index or a strong reference; ${known}`);
    throw invalid(at, `no field that filters can name; ${known}`);
  };

  const columnOf = (at: Expr): FilterColumn => {
    const field = fieldOf(at);
    if (field.type === "list") throw invalid(at, "a list, which VALUE in LIST and has(LIST) ask about");
    return field;
  };

  const compare = (at: Expr, operator: Operator, [left, right]: readonly [Expr, Expr]): Condition => {
    const field = columnOf(left);
    const isOrdered = field.type !== "boolean" && field.type !== "enum";
    if (!isOrdered && operator !== "=" && operator !== "<>") throw invalid(at, "the field has no order; there may be == or !=");
    return compared(field, operator, readValue(filter, field, right));
  };

  const isIn = ([left, right]: readonly [Expr, Expr]): Condition => {
    if (right.exprKind.case === "listExpr") {
      const field = columnOf(left);
      if (field.type === "boolean") throw invalid(left, "a bool, which is compared by == or !=");
      return oneOf(
        field,
        right.exprKind.value.elements.map((at) => readValue(filter, field, at)),
      );
    }
    const list = right.exprKind.case === "identExpr" ? fieldOf(right) : undefined;
    if (list?.type === "list") return holds(list, readValue(filter, list.item, left));
    throw invalid(right, `there may be [VALUE, …] or a list: ${namesOf(({ type }) => type === "list")}`);
  };

  const has = (at: Expr): Condition => {
    const field = fieldOf(at);
    if (field.type === "list") return isNotEmpty(field);
    const nullable = namesOf((one) => one.type === "list" || one.isNullable);
    if (!field.isNullable) throw invalid(at, `the field always has a value; has(…) takes ${nullable}`);
    return isPresent(field);
  };

  const text = (name: string, target: Expr, part: Expr): Condition => {
    const field = columnOf(target);
    if (field.type !== "text") throw invalid(target, `no text; ${name} takes ${namesOf(({ type }) => type === "text")}`);
    return (name === "contains" ? contains : startsWith)(field, String(readValue(filter, field, part)));
  };

  const term = (at: Expr): Condition => {
    const { exprKind } = at;
    if (exprKind.case === "constExpr" && exprKind.value.constantKind.case === "boolValue") {
      return exprKind.value.constantKind.value ? always : never;
    }
    if (exprKind.case === "identExpr") {
      const field = fieldOf(at);
      if (field.type === "boolean") return is(field, true);
    }
    const { function: name = "", target, args = [] } = callOf(at) ?? {};
    const [first, second] = args;
    if (first !== undefined && second !== undefined && target === undefined && args.length === 2) {
      const operator = comparisons.get(name);
      if (operator !== undefined) return compare(at, operator, [first, second]);
      if (name === "@in") return isIn([first, second]);
    }
    if (first !== undefined && args.length === 1) {
      if (name === "has" && target === undefined) return has(first);
      const relation = target === undefined ? relations?.get(name) : undefined;
      if (relation !== undefined) {
        const related = relation(boundUserId(filter, first));
        return elsewhere("walk", () => related);
      }
      if ((name === "startsWith" || name === "contains") && target !== undefined) return text(name, target, first);
    }
    throw invalid(at, termWords(fields));
  };

  let terms = 0;
  const condition = (at: Expr, level: number): Condition => {
    const { function: name = "", args = [] } = callOf(at) ?? {};
    const op = groups.get(name);
    if (op === undefined && name !== "!_") {
      if (++terms > MAX_TERMS) throw invalid(at, `more than ${MAX_TERMS} terms`);
      return placed(term(at), filter.placeOf(at));
    }
    if (level > MAX_LEVELS) throw invalid(at, `more than ${MAX_LEVELS} levels`);
    if (op !== undefined) return { op, parts: operandsOf(at, name).map((part) => condition(part, level + 1)) };
    return negated(condition(args[0] as Expr, level + 1));
  };
  return condition;
};

/**
 * Converts a parsed filter to a condition.
 * @throws INVALID_ARGUMENT for a filter that is no condition on `fields`; FAILED_PRECONDITION QUERY_NOT_INDEXED for a field of
 * `fields.undeclared`.
 */
export const conditionOf = (filter: ParsedFilter, fields: FilterFields): Condition => createChecker(filter, fields)(filter.expr, 1);
