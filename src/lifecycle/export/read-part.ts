import { sql } from "kysely";
import { copyRows } from "../../db/copy-rows.ts";
import type { Session } from "../../db/session.ts";
import { type CopiedForm, createCopiedRows } from "./copied-row.ts";
import type { ManifestTable } from "./format.ts";
import { jsonTexts, type LineWriter } from "./line-writer.ts";
import { orderedBy, type Part } from "./parts.ts";

/** The most rows that one statement reads, where rows can't be copied. */
const BATCH = 1_000;

/** The types whose text becomes JSON here. Values of all others the database makes JSON. */
const forms: Readonly<Record<string, CopiedForm>> = {
  bigint: "number",
  integer: "number",
  smallint: "number",
  boolean: "boolean",
  text: "text",
  "character varying": "text",
  bytea: "text",
  jsonb: "json",
  "timestamp with time zone": "moment",
};

/** A column that an export shows, and its form; undefined = the database makes it JSON. */
type Column = { readonly name: string; readonly form: CopiedForm | undefined };

/** The columns that an export shows, by table. */
export type ShownColumns = ReadonlyMap<string, readonly Column[]>;

/** Reads the columns of the tables of parts, without secrets unless they are asked for. */
export const readColumns = async (session: Session, parts: readonly Part[], withSecrets: boolean): Promise<ShownColumns> => {
  const rows = await session.rows(sql<{ table: string; name: string; type: string }>`
    select t.name as "table", a.attname as name, a.atttypid::regtype::text as type
    from unnest(${parts.map(({ table }) => table)}::text[]) t(name) join pg_attribute a on a.attrelid = t.name::regclass
    where a.attnum > 0 and not a.attisdropped order by a.attnum`);
  const secrets = new Map(parts.map((part) => [part.table, withSecrets ? [] : part.secrets]));
  return Map.groupBy(
    rows
      .filter(({ table, name }) => !secrets.get(table)?.includes(name))
      .map(({ table, name, type }) => ({ table, name, form: forms[type] })),
    ({ table }) => table,
  );
};

const fromOf = ({ table, which }: Part) => sql`from ${sql.table(table)} x where ${which ?? sql`true`}`;

/** Reads rows that can't be copied, some at a time; while they are taken, the database reads the next ones. */
const fetchRows = async (session: Session, part: Part, columns: readonly Column[], lines: LineWriter): Promise<ManifestTable> => {
  const { add, end } = lines.table(part, jsonTexts);
  const names = sql.join(columns.map(({ name }) => sql.ref(`x.${name}`)));
  await session.rows(sql`
    declare part no scroll cursor for
    select (select row_to_json(shown) from (select ${names}) shown)::text as "row" ${fromOf(part)} order by ${orderedBy(part)}`);
  const read = () => {
    const rows = session.rows(sql<{ row: string }>`fetch ${sql.lit(BATCH)} from part`);
    // Told where it is waited for, unless the export has failed before.
    rows.catch(() => {});
    return rows;
  };
  for (let next = read(), isFull = true; isFull; ) {
    const rows = await next;
    isFull = rows.length === BATCH;
    if (isFull) next = read();
    for (const { row } of rows) {
      const taken = add(row);
      if (taken !== undefined) await taken;
    }
  }
  await session.rows(sql`close part`);
  return end();
};

/**
 * Reads the rows of a part, and returns their number and digest. PostgreSQL copies them as text, and they become JSON here: `row_to_json` takes
 * three times as long. The embedded database has no copy that comes row by row.
 */
export const readPart = async (session: Session, part: Part, shown: ShownColumns, lines: LineWriter): Promise<ManifestTable> => {
  const columns = shown.get(part.table) ?? [];
  const { add, end } = lines.table(part, createCopiedRows(columns.map(({ name, form = "json" }) => ({ name, form }))));
  const values = columns.map(({ name, form }) => (form === undefined ? sql`to_json(${sql.ref(`x.${name}`)})` : sql.ref(`x.${name}`)));
  const copy = sql`copy (select ${sql.join(values)} ${fromOf(part)} order by ${orderedBy(part)}) to stdout`;
  return (await copyRows(session, copy, add)) ? end() : fetchRows(session, part, columns, lines);
};
