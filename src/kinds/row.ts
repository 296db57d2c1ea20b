import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type RawBuilder, sql } from "kysely";
import type { Column, Kind } from "../contract/kinds/kind.ts";
import { type Compiled, compiled } from "../db/compiled.ts";
import { RECURRING } from "../db/statement-names.ts";
import { wireBytes } from "../options/value.ts";
import { oncePerKind } from "./once-per-kind.ts";

/** A resource as SQL statements select it: the values of its columns, and the ids in its links as texts. */
export type Row = Readonly<Record<string, unknown>> & {
  readonly id: bigint;
  readonly organization_id: bigint;
  readonly delete_time?: Date | null;
};

/** A row with the kind of the resource's outermost deleted ancestor, such as `project`; null = no ancestor is deleted. */
export type StoredRow = Row & { readonly deleted_ancestor: string | null };

/** Marks an SQL statement whose text depends on the request: there are too many such texts for all of them to stay prepared. */
export const recurring = <R>(query: RawBuilder<R>): RawBuilder<R> => sql`${sql.raw(RECURRING)} ${query}`;

/** Compiles an SQL statement that reads a kind. If a `read_mask` leaves out some of the kind's fields, the statement is marked as `recurring`. */
export const compiledFor = <R>({ message, columns, links, secrets }: Kind, query: RawBuilder<R>): Compiled<R> =>
  compiled(columns.length + links.length + secrets.length === message.fields.length ? query : recurring(query));

/** Quotes the name of a table, which may have its schema before it. */
export const quoted = (table: string): string => `"${table.replace(".", '"."')}"`;

/**
 * Returns the SQL list of a kind's columns to select from the alias `r`; their names come from descriptors, never from a request. The list
 * includes delete_time when an enum has a value for deleted resources: `toMessage` shows that value for a row with a delete_time.
 */
export const columnsOf = ({ name, columns, links }: Kind): RawBuilder<Row> => {
  const names = new Set(columns.flatMap((column) => (column.deletedValue === undefined ? [column.name] : [column.name, "delete_time"])));
  const linked = links.map(
    (link) => `array(
      select l."${link.column}"::text from ${quoted(link.table)} l where l."${name}_id" = r.id order by l."${link.column}") as "${link.name}"`,
  );
  return sql.raw([...[...names].map((column) => `r."${column}"`), ...linked].join(", "));
};

/** Returns the SQL joins of the ancestors of the resource in the alias `r`: its parent as `a1`, the parent's parent as `a2`, and so on. */
export const joinedAncestors = ({ ancestors }: Pick<Kind, "ancestors">): RawBuilder<unknown> =>
  sql.raw(
    ancestors
      .map(
        ({ to, column }, index) =>
          `join ${quoted(to.table)} a${index + 1} on a${index + 1}.id = ${index === 0 ? "r" : `a${index}`}."${column}"`,
      )
      .join(" "),
  );

/**
 * Returns the SQL expression for the kind of the outermost deleted ancestor among `joinedAncestors`; null = no ancestor is deleted. For a shared
 * resource the kind is `organization` once all organizations that share the resource are deleted.
 */
export const deletedAncestor = ({ name, ancestors, sharedBy }: Kind): RawBuilder<string | null> => {
  if (sharedBy !== undefined)
    return sql.raw(`case when not exists (
      select from ${quoted(sharedBy)} s join organization o on o.id = s.organization_id
      where s."${name}_id" = r.id and o.delete_time is null) then 'organization' end`);
  const soft = ancestors.flatMap(({ to }, index) => (to.isSoft ? [`when a${index + 1}.delete_time is not null then '${to.name}'`] : []));
  return sql.raw(soft.length === 0 ? "null::text" : `case ${soft.toReversed().join(" ")} end`);
};

/** Returns the SQL expression for the bytes that the texts, JSON and ids of links of the row with the alias `q` take in the database. */
export const bytesOf = ({ columns, links }: Kind): RawBuilder<number> => {
  const texts = columns.filter(({ type, field }) => (type === "text" && field.name !== "etag") || type === "jsonb");
  const parts = [
    ...texts.map(({ name }) => `coalesce(octet_length(q."${name}"::text), 0)`),
    ...links.map(({ name }) => `11 * cardinality(q."${name}")`),
  ];
  return sql.raw(parts.length === 0 ? "0" : parts.join(" + "));
};

/** Makes the function that counts the bytes that a row's texts, JSON and ids of links take in an answer; a page ends before they are too many. */
export const sentBytes = oncePerKind(({ columns }): ((row: Row) => number) => {
  const json = columns.filter(({ type }) => type === "jsonb");
  return (row) => json.reduce((sum, { name }) => sum + wireBytes(row[name]), (row as { readonly bytes?: number })["bytes"] ?? 0);
});

const isEtag = ({ field }: Column): boolean => field.name === "etag";

/** Returns the name of the column that counts the writes of a row; the property of the ORM's entity has the same name. */
export const etagColumn = ({ columns }: Kind): string => columns.find(isEtag)?.name ?? "";

/** Returns the etag of a row: the number of its writes, as text. */
export const etagOf = (kind: Kind, row: Row): string => String(row[etagColumn(kind)]);

/** A function that shows the value of a column as the API does. */
type Show = (value: unknown, row: Row) => unknown;

/** Makes the `Show` of a column; undefined = the value is shown as it is. */
const showOf = (column: Column): Show | undefined => {
  const { type, enumBase, deletedValue } = column;
  if (isEtag(column)) return String;
  if (type === "timestamptz") return (value) => timestampFromDate(value as Date);
  if (type !== "smallint") return undefined;
  return (value, row) => (deletedValue !== undefined && row.delete_time ? deletedValue : (value as number) + enumBase);
};

const mappingOf = oncePerKind(({ message, columns, links }): ((row: Row) => Record<string, unknown>) => {
  const fields = columns.map((column) => ({ name: column.name, localName: column.field.localName, show: showOf(column) }));
  const lists = links.map(({ name, field }) => ({ name, localName: field.localName }));
  return (row) => {
    const shown = create(message) as Record<string, unknown>;
    for (const { name, localName, show } of fields) {
      const value = row[name];
      if (value !== null && value !== undefined) shown[localName] = show === undefined ? value : show(value, row);
    }
    for (const { name, localName } of lists) shown[localName] = (row[name] as readonly string[]).map(BigInt);
    return shown;
  };
});

/** Makes the message of a row: the resource as the API shows it. */
export const toMessage = (kind: Kind, row: Row): Record<string, unknown> => mappingOf(kind)(row);
