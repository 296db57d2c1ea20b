import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type RawBuilder, sql } from "kysely";
import type { Column, Kind } from "../contract/kinds/kind.ts";
import { COMPOSED } from "../db/preparing-client.ts";
import { wireBytes } from "../options/value.ts";

/** A resource as it is selected: its columns, the ids of its links as text. */
export type Row = Readonly<Record<string, unknown>> & {
  readonly id: bigint;
  readonly organization_id: bigint;
  readonly delete_time?: Date | null;
};

/** A row with the name of the outermost thing that it is part of and that is deleted. */
export type StoredRow = Row & { readonly deleted_ancestor: string | null };

/** Marks a statement as one of many, which are not prepared: its text follows from what a request asks for. */
export const composed = <R>(query: RawBuilder<R>): RawBuilder<R> => sql`${sql.raw(COMPOSED)} ${query}`;

/** The columns to select, in the alias `r`. A value that deletion alone shows takes the time of it. */
export const columnsOf = ({ name, columns, links }: Kind): RawBuilder<Row> => {
  const names = new Set(columns.flatMap((column) => (column.deletedValue === undefined ? [column.name] : [column.name, "delete_time"])));
  return sql.join([
    ...[...names].map((column) => sql.ref(`r.${column}`)),
    ...links.map(
      (link) => sql`array(
        select ${sql.ref(`l.${link.column}`)}::text from ${sql.table(link.table)} l where ${sql.ref(`l.${name}_id`)} = r.id
        order by ${sql.ref(`l.${link.column}`)}) as ${sql.ref(link.name)}`,
    ),
  ]) as RawBuilder<Row>;
};

/** The joins of the things that a resource `r` is part of: its parent as `a1`, and so on upwards. */
export const joinedAncestors = ({ ancestors }: Pick<Kind, "ancestors">): RawBuilder<unknown> =>
  sql.join(
    ancestors.map(
      ({ to, column }, index) =>
        sql`join ${sql.table(to.table)} ${sql.ref(`a${index + 1}`)}
          on ${sql.ref(`a${index + 1}.id`)} = ${sql.ref(`${index === 0 ? "r" : `a${index}`}.${column}`)}`,
    ),
    sql` `,
  );

/** The name of the outermost of these things that is deleted; null = none is. */
export const deletedAncestor = ({ ancestors }: Kind): RawBuilder<string | null> => {
  const soft = ancestors.flatMap(({ to }, index) =>
    to.isSoft ? [sql`when ${sql.ref(`a${index + 1}.delete_time`)} is not null then ${sql.lit(to.name)}`] : [],
  );
  return soft.length === 0 ? sql`null::text` : sql`case ${sql.join(soft.toReversed(), sql` `)} end`;
};

/** The bytes of those parts of a row `q` that can be large: texts, JSON, the ids of links. */
export const bytesOf = ({ columns, links }: Kind): RawBuilder<number> => {
  const texts = columns.filter(({ type, field }) => (type === "text" && field.name !== "etag") || type === "jsonb");
  const parts = [
    ...texts.map(({ name }) => sql`coalesce(octet_length(${sql.ref(`q.${name}`)}::text), 0)`),
    ...links.map(({ name }) => sql`11 * cardinality(${sql.ref(`q.${name}`)})`),
  ];
  return parts.length === 0 ? sql<number>`0` : sql<number>`${sql.join(parts, sql` + `)}`;
};

/** The bytes that those parts take in an answer; never less than `bytesOf` says. */
export const sentBytes =
  ({ columns }: Kind) =>
  (row: Row): number =>
    columns
      .filter(({ type }) => type === "jsonb")
      .reduce((sum, { name }) => sum + wireBytes(row[name]), (row as { readonly bytes?: number })["bytes"] ?? 0);

const isEtag = ({ field }: Column): boolean => field.name === "etag";

/** The etag of a row: the number of its writes. */
export const etagOf = ({ columns }: Kind, row: Row): string => String(row[columns.find(isEtag)?.name ?? ""]);

const shownOf = (column: Column, row: Row): unknown => {
  const value = row[column.name];
  if (isEtag(column)) return String(value);
  if (column.type === "timestamptz") return timestampFromDate(value as Date);
  if (column.type !== "smallint") return value;
  return row.delete_time && column.deletedValue !== undefined ? column.deletedValue : (value as number) + column.enumBase;
};

/** A resource as the API shows it. */
export const toMessage = ({ columns, links }: Kind, row: Row): Record<string, unknown> => ({
  ...Object.fromEntries(
    columns.flatMap((column) => ((row[column.name] ?? null) === null ? [] : [[column.field.localName, shownOf(column, row)]])),
  ),
  ...Object.fromEntries(links.map(({ name, field }) => [field.localName, (row[name] as readonly string[]).map(BigInt)])),
});
