import { sql } from "kysely";
import type { Session } from "../../db/session.ts";
import { type Columns, columnsOf, listOf, valuesOf } from "../merge/columns.ts";

/** The most rows that one statement stores. */
export const MAX_ROWS = 1_000;
/** The most characters of rows that one statement stores. */
export const MAX_CHARACTERS = 4 * 1024 * 1024;

/** What an import of an export has stored. */
export type StoredExport = {
  readonly rows: number;
  readonly tables: number;
  /** When it was exported, or when that began. */
  readonly exportTime: string;
  /** The position of the feed from which on changes are missing; of an export of one moment there is none. */
  readonly startPosition?: string;
};

/** A file that is no whole export, or that can't be stored here. The message is for the person who has it. */
export class ExportFault extends Error {
  override readonly name = "ExportFault";
}

/** The columns that a row has to have, and that have no default. */
const requiredOf = async (tx: Session, table: string): Promise<readonly string[]> => {
  const rows = await tx.rows(sql<{ name: string }>`
    select attname as name from pg_attribute where attrelid = ${table}::regclass and attnum > 0 and not attisdropped
      and attnotnull and not atthasdef and attidentity = '' and attgenerated = ''`);
  return rows.map(({ name }) => name);
};

/** Returns the columns of a table that a row has. Throws ExportFault for a row that is no JSON, or lacks what the table demands. */
export const columnsIn = async (tx: Session, table: string, row: string): Promise<Columns> => {
  let keys: readonly string[];
  try {
    keys = Object.keys(JSON.parse(row) as object);
  } catch (error) {
    throw new ExportFault(`A row of ${table} is no JSON.`, { cause: error });
  }
  const all = await columnsOf(tx, table);
  const missing = (await requiredOf(tx, table)).filter((name) => !keys.includes(name));
  if (missing.length > 0)
    throw new ExportFault(
      `The export has no secrets, and a row of ${table} can't be without ${missing.join(", ")}: export with --secrets.`,
    );
  return { ...all, names: all.names.filter((name) => keys.includes(name)) };
};

/** Tells whether the service has a table. */
export const hasTable = async (tx: Session, table: string): Promise<boolean> =>
  (await tx.one(sql<{ known: boolean }>`select to_regclass(${table}) is not null as known`)).known;

/** Makes new rows of a table get ids above those that were stored. */
export const raiseIds = (tx: Session, table: string) =>
  tx.rows(sql`
    select setval(s.name, greatest((select max(id) from ${sql.table(table)}), 1)) from (select pg_get_serial_sequence(${table}, 'id') as name) s
    where s.name is not null and exists (select from ${sql.table(table)})`);

/** Makes the end of an insert that takes the place of rows with the same id, where they differ. */
const replacing = (table: string, { names }: Columns) => sql`
  on conflict (id) do update set ${sql.join(names.map((name) => sql`${sql.ref(name)} = ${sql.ref(`excluded.${name}`)}`))}
  where ${sql.table(table)}.* is distinct from excluded.*`;

/** Stores rows of one table; with `isReplacing` they take the place of those with the same id. */
export const storeRows = async (
  tx: Session,
  table: string,
  columns: Columns,
  rows: readonly string[],
  isReplacing = false,
): Promise<void> => {
  try {
    await tx.rows(sql`
      insert into ${sql.table(table)} (${listOf(columns)})
      select ${valuesOf(columns)} from jsonb_populate_recordset(null::${sql.table(table)}, ${`[${rows.join(",")}]`}::jsonb) r
      ${isReplacing ? replacing(table, columns) : sql``}`);
  } catch (error) {
    const { code = "", constraint } = error as { readonly code?: string; readonly constraint?: string };
    // Data that does not fit the table, or breaks one of its rules.
    if (!/^2[23]/.test(code)) throw error;
    throw new ExportFault(`A row of ${table} can't be stored${constraint ? `: it breaks ${constraint}` : ""}.`, { cause: error });
  }
};
