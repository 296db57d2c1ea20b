import { sql } from "kysely";
import type { Session } from "../../db/session.ts";

/** The columns of a table, as an insert of a whole row names them: the ones that the database computes are left out. */
export type Columns = {
  readonly names: readonly string[];
  /** The columns of JSON that are never null: a null of theirs is JSON's. */
  readonly json: ReadonlySet<string>;
  /** The column that counts the writes of a row; undefined = the table has none. */
  readonly counter: "version" | "etag" | undefined;
};

/** Reads the columns of a table. */
export const columnsOf = async (session: Session, table: string): Promise<Columns> => {
  const rows = await session.rows(sql<{ name: string; is_json: boolean }>`
    select attname as name, atttypid = 'jsonb'::regtype and attnotnull as is_json from pg_attribute
    where attrelid = ${table}::regclass and attnum > 0 and not attisdropped and attgenerated = '' order by attnum`);
  const names = rows.map(({ name }) => name);
  const json = new Set(rows.flatMap(({ name, is_json }) => (is_json ? [name] : [])));
  return { names, json, counter: names.includes("etag") ? "etag" : names.includes("version") ? "version" : undefined };
};

/** Makes the SQL of the values of a row `r` that `jsonb_populate_record` made of JSON, for an insert of the same columns. */
export const valuesOf = ({ names, json }: Columns, replaced: Readonly<Record<string, bigint>> = {}) =>
  sql.join(
    names.map((name) => {
      const other = replaced[name];
      if (other !== undefined) return sql`${other}::bigint`;
      return json.has(name) ? sql`coalesce(${sql.ref(`r.${name}`)}, 'null'::jsonb)` : sql.ref(`r.${name}`);
    }),
  );

/** Makes the SQL of the list of columns of an insert. */
export const listOf = ({ names }: Columns) => sql.join(names.map((name) => sql.ref(name)));
