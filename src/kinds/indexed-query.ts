import type { Column, Kind } from "../contract/kinds/kind.ts";
import { failedPrecondition } from "../errors.ts";
import type { FilterFields } from "../filter/fields.ts";
import type { Condition, Term } from "../filter/tree.ts";
import type { Order } from "./order.ts";

/** The terms of which a row has to meet each; undefined = the condition is not of this form. */
const conjunctionOf = (condition: Condition): readonly Term[] | undefined => {
  if (condition.op === "term") return [condition];
  if (condition.op !== "and") return undefined;
  const parts = condition.parts.map(conjunctionOf);
  return parts.includes(undefined) ? undefined : parts.flatMap((terms) => terms ?? []);
};

/** The names of the fields that have to be equal to a value, and of those that have to be within bounds. */
type Asked = { readonly equal: ReadonlySet<string>; readonly bounded: ReadonlySet<string> };

/** What a filter asks of each field; undefined = it asks something that no index answers by itself, such as `!=`. */
const askedBy = (condition: Condition, { declared }: FilterFields): Asked | undefined => {
  const names = new Map<unknown, string>([...declared].map(([name, field]) => [field, name]));
  const [equal, bounded] = [new Set<string>(), new Set<string>()];
  for (const { compares, isElsewhere } of conjunctionOf(condition) ?? [{ compares: undefined, isElsewhere: false }]) {
    // Who reads or owns is asked of the parent, once.
    if (compares === undefined && isElsewhere) continue;
    if (compares === undefined || compares.operator === "<>") return undefined;
    (compares.operator === "=" ? equal : bounded).add(names.get(compares.field) ?? "");
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
  const asked = askedBy(condition, fields);
  const violation = (description: string) =>
    failedPrecondition("QUERY_NOT_INDEXED", `filter: ${description}`, { violations: [{ field: "filter", description }] });
  if (asked === undefined)
    throw violation(`no index serves it: ${kind.plural.replaceAll("_", " ")} are many, so it takes ==, <, <=, > and >= joined by && alone`);
  const { equal, bounded } = asked;
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
  const isBounded = [...bounded].every((name) => equal.has(name) || name === ordered[0]?.name);
  if (isServed && isBounded) return;
  const others = [...bounded].filter((name) => !equal.has(name));
  const wanted = [kind.parent.name, ...equal, ...new Set([...others, ...ordered.map(({ name }) => name)])].filter((name) => name !== "id");
  throw violation(
    isServed || others.length > 1
      ? "bounds are for the field that the list is ordered by first"
      : `no index serves it in this order: there would have to be one of ${wanted.join(", ")}, with order_by "${wanted.slice(1).join(", ")}"`,
  );
};
