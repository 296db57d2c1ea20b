import { type RawBuilder, sql } from "kysely";
import { type Column, isComparable, type Kind, type Link } from "../contract/kinds/kind.ts";
import { optionsOf } from "../contract/kinds/options.ts";
import type { FilterColumn, FilterFields, FilterList } from "../filter/fields.ts";
import { AccessRelation } from "../gen/userd/v1/access_relation_pb.ts";
import { isRelated, ruledBy, ruleOf } from "./relation.ts";

const columnOf = ({ name, type, field, isNullable, enumBase, deletedValue }: Column): FilterColumn => ({
  type: type === "smallint" ? "enum" : (type as Exclude<typeof type, "smallint" | "jsonb" | "double precision" | "bytea">),
  column: sql.ref(`r.${name}`),
  isNullable,
  // UNSPECIFIED is stored nowhere, and neither is what deletion alone shows.
  values: new Map(
    field.enum?.values.flatMap((value) =>
      value.number > 0 && value.number !== deletedValue ? [[value.name, value.number - enumBase]] : [],
    ),
  ),
});

const listOf = ({ name }: Kind, { table, column }: Link): FilterList => {
  const some = (condition: RawBuilder<boolean>) => sql<boolean>`exists (
    select from ${sql.table(table)} l where ${sql.ref(`l.${name}_id`)} = r.id and ${condition})`;
  return {
    type: "list",
    item: { type: "bigint", values: new Map() },
    holds: (id) => some(sql`${sql.ref(`l.${column}`)} = ${id}`),
    isNotEmpty: some(sql`true`),
  };
};

/** The functions by which filters ask what a user has to do with a row `r`. */
const relationsOf = (kind: Kind, id: RawBuilder<unknown>): NonNullable<FilterFields["relations"]> => {
  const rule = ruleOf(kind);
  return new Map([
    ["readable", (userId) => isRelated(rule, userId, AccessRelation.READ, id)],
    ["owned", (userId) => isRelated(rule, userId, AccessRelation.OWN, id)],
  ]);
};

/**
 * Returns the fields of a row with the alias `r` that a filter can name: the id, indexed fields and, unless the kind is large, references and
 * fields with the proto option `filter`. Also returns the names of the fields that a filter could name if they had this option.
 * @param id the SQL expression of the id by which access is decided (`ruledBy`). An id of the parent's row lets PostgreSQL check access once,
 * not for each row.
 */
export const filterFieldsOf = (kind: Kind, id: RawBuilder<unknown> = ruledBy(kind, "r")): FilterFields => {
  const { columns, links, keys, indexes } = kind;
  const indexed = new Set([...keys, ...indexes].flatMap((list) => list.columns));
  const isDeclared = (column: Column): boolean =>
    column.name === "id" || indexed.has(column) || (!kind.isLarge && (column.reference !== undefined || optionsOf(column.field).filter));
  const comparable = columns.filter(({ type, field }) => isComparable(type) && field.name !== "etag");
  return {
    declared: new Map<string, FilterColumn | FilterList>([
      ...comparable.filter(isDeclared).map((column) => [column.name, columnOf(column)] as const),
      ...links.map((link) => [link.name, listOf(kind, link)] as const),
    ]),
    relations: relationsOf(kind, id),
    undeclared: new Set(comparable.filter((column) => !isDeclared(column)).map(({ name }) => name)),
  };
};
