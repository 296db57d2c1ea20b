import type { Column, Kind } from "../contract/kinds/kind.ts";
import { failedPrecondition, invalidField } from "../errors.ts";

/** The columns by which a list is ordered, all in the same direction. The last column is the id. */
export type Order = { readonly columns: readonly Column[]; readonly isDescending: boolean };

/**
 * Returns the orders of lists that the indexes of a kind serve, each as the columns that `order_by` has to name. Of a large kind it is all of an
 * index: what begins like one would have to be sorted. A column that may have no value has no order.
 */
export const ordersOf = ({ keys, indexes, isLarge }: Pick<Kind, "keys" | "indexes" | "isLarge">): readonly (readonly Column[])[] =>
  [...keys, ...indexes].flatMap(({ columns: [parent, ...columns] }) => {
    if (!parent?.reference?.isParent) return [];
    const orders = columns.map((_, index) => columns.slice(0, index + 1)).filter((order) => order.every(({ isNullable }) => !isNullable));
    return isLarge ? orders.slice(columns.length - 1) : orders;
  });

/**
 * Parses an `order_by`, such as "status, create_time" or "create_time desc"; an empty text means the order by id.
 * @throws INVALID_ARGUMENT for a text that is no order; FAILED_PRECONDITION QUERY_NOT_INDEXED for an order that no index serves.
 */
export const readOrder = (kind: Kind, orderBy: string): Order => {
  const id = kind.columns.filter(({ name }) => name === "id");
  if (orderBy.trim() === "") return { columns: id, isDescending: false };
  const terms = orderBy.split(",").map((term) => {
    const [, name, direction = "asc"] = /^\s*([a-z][a-z0-9_]*)(?:\s+(asc|desc))?\s*$/.exec(term) ?? [];
    const column = kind.columns.find((one) => one.name === name);
    if (column === undefined) throw invalidField("order_by", `names what is no field of ${kind.message.typeName} with a direction`);
    return { column, direction };
  });
  const [first] = terms;
  const named = terms.map(({ column }) => column);
  const sorted = named.at(-1)?.name === "id" ? named.slice(0, -1) : named;
  const isServed =
    sorted.length === 0 ||
    ordersOf(kind).some((order) => order.length === sorted.length && order.every((column, index) => column === sorted[index]));
  if (!isServed || terms.some(({ direction }) => direction !== first?.direction)) {
    const known = ["id", ...ordersOf(kind).map((order) => order.map(({ name }) => name).join(", "))].map((order) => `"${order}"`);
    throw failedPrecondition(
      "QUERY_NOT_INDEXED",
      `No index serves this order; there are ${[...new Set(known)].join(", ")}, each in one direction.`,
    );
  }
  return { columns: [...sorted, ...id], isDescending: first?.direction === "desc" };
};
