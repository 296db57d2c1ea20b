import type { Column, Kind } from "../contract/kinds/kind.ts";
import type { FilterFields } from "../filter/fields.ts";
import { type Condition, notIndexed, type Term, termsOf } from "../filter/tree.ts";
import type { Order } from "./order.ts";

/** The terms of which a row has to meet each; undefined = the condition is not of this form. */
const conjunctionOf = (condition: Condition): readonly Term[] | undefined => {
  if (condition.op === "term") return [condition];
  if (condition.op !== "and") return undefined;
  const parts = condition.parts.map(conjunctionOf);
  return parts.includes(undefined) ? undefined : parts.flatMap((terms) => terms ?? []);
};

/** Tells whether an index can answer a term by itself, as it can't `!=`. Who reads or owns is asked of the parent, once. */
const isAnswered = ({ compares, isElsewhere }: Term): boolean => (compares === undefined ? isElsewhere : compares.operator !== "<>");

/** The names of the fields that have to be equal to a value, and of those that have to be within bounds, with the first term that says so. */
type Asked = { readonly equal: ReadonlySet<string>; readonly bounded: ReadonlyMap<string, Term> };

const askedBy = (terms: readonly Term[], { declared }: FilterFields): Asked => {
  const names = new Map<unknown, string>([...declared].map(([name, field]) => [field, name]));
  const [equal, bounded] = [new Set<string>(), new Map<string, Term>()];
  for (const term of terms) {
    const { compares } = term;
    if (compares === undefined) continue;
    const name = names.get(compares.field) ?? "";
    if (compares.operator === "=") equal.add(name);
    else if (!bounded.has(name)) bounded.set(name, term);
  }
  return { equal, bounded };
};

const isNever = (condition: Condition): boolean => condition.op === "or" && condition.parts.length === 0;

/**
 * Checks that a list of a large kind reads the rows of its page and no others: after the parent, an index has first the fields that a filter
 * compares by ==, and then the order, whose first field can have bounds.
 * @throws FAILED_PRECONDITION QUERY_NOT_INDEXED, which names the index to declare.
 */
export const requireIndexed = (kind: Kind, condition: Condition, order: Order, fields: FilterFields): void => {
  if (!kind.isLarge || isNever(condition)) return;
  const terms = conjunctionOf(condition);
  const unanswered = terms === undefined ? termsOf(condition)[0] : terms.find((term) => !isAnswered(term));
  if (terms === undefined || unanswered !== undefined) {
    const many = kind.plural.replaceAll("_", " ");
    throw notIndexed(unanswered, `no index serves it: ${many} are many, so it takes ==, <, <=, > and >= joined by && alone`);
  }
  const { equal, bounded } = askedBy(terms, fields);
  const isOpen = ({ name }: Column) => !equal.has(name);
  const ordered = order.columns.filter(isOpen);
  const id = order.columns.slice(-1);
  const isServed = [[], ...[...kind.keys, ...kind.indexes].map(({ columns }) => columns.slice(1))].some((columns) => {
    const index = [...columns, ...id];
    const rest = index.slice(equal.size);
    return (
      index.slice(0, equal.size).every(({ name }) => equal.has(name)) &&
      rest.every((column, at) => column === ordered[at]) &&
      rest.length === ordered.length
    );
  });
  const others = [...bounded].filter(([name]) => !equal.has(name));
  const astray = others.find(([name]) => name !== ordered[0]?.name)?.[1];
  if (isServed && astray === undefined) return;
  const wanted = [kind.parent.name, ...equal, ...new Set([...others, ...ordered.map(({ name }) => [name])].map(([name]) => name))];
  const index = wanted.filter((name) => name !== "id");
  throw isServed || others.length > 1
    ? notIndexed(astray, "bounds are for the field that the list is ordered by first")
    : notIndexed(
        terms[0],
        `no index serves it in this order: there would have to be one of ${index.join(", ")}, with order_by "${index.slice(1).join(", ")}"`,
      );
};
