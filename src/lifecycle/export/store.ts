import { sql } from "kysely";
import { RolledBack, transact } from "../../db/in-transaction.ts";
import type { Database } from "../../db/orm.ts";
import { BACKGROUND } from "../../db/places.ts";
import { createSession, type Session } from "../../db/session.ts";
import { type Columns, columnsOf, listOf, valuesOf } from "../merge/columns.ts";
import { createDigest, FORMAT, type Manifest, type ManifestTable, prefixOf, VERSION } from "./format.ts";

/** The most rows, and characters, that one statement stores. */
const BATCH = 1_000;
const BATCH_CHARACTERS = 4 * 1024 * 1024;

/** A file that is no whole export, or that can't be stored here. The message is for the person who has it. */
export class ExportFault extends Error {
  override readonly name = "ExportFault";
}

const readManifest = (line: string | undefined): Manifest => {
  let manifest: Partial<Manifest> | undefined;
  try {
    manifest = JSON.parse(line ?? "") as Partial<Manifest>;
  } catch {
    // Said below.
  }
  if (manifest?.format !== FORMAT || typeof manifest.version !== "number" || !Array.isArray(manifest.tables))
    throw new ExportFault("The file does not begin with the manifest of an export of userd.");
  if (manifest.version > VERSION)
    throw new ExportFault(
      `The export has version ${manifest.version} of the format, and this userd reads up to ${VERSION}: update userd first.`,
    );
  return manifest as Manifest;
};

/** Keeps others out, and checks that there is nothing yet. */
const requireEmpty = async (tx: Session): Promise<void> => {
  await tx.rows(sql`lock table users, organization, account, role, identity_provider in share row exclusive mode`);
  const found = await tx.row(sql`
    select from users union all select from organization union all select from account union all select from role
    union all select from identity_provider union all select from scope_option limit 1`);
  if (found !== undefined) throw new ExportFault("The database is not empty: --into-empty keeps ids, which are somebody else's here.");
};

/** The columns that a row has to have, and that have no default. */
const requiredOf = async (tx: Session, table: string): Promise<readonly string[]> => {
  const rows = await tx.rows(sql<{ name: string }>`
    select attname as name from pg_attribute where attrelid = ${table}::regclass and attnum > 0 and not attisdropped
      and attnotnull and not atthasdef and attidentity = '' and attgenerated = ''`);
  return rows.map(({ name }) => name);
};

/** Stores rows of one table. */
const storeRows = async (tx: Session, table: string, columns: Columns, rows: readonly string[]): Promise<void> => {
  try {
    await tx.rows(sql`
      insert into ${sql.table(table)} (${listOf(columns)})
      select ${valuesOf(columns)} from jsonb_populate_recordset(null::${sql.table(table)}, ${`[${rows.join(",")}]`}::jsonb) r`);
  } catch (error) {
    const { code = "", constraint } = error as { readonly code?: string; readonly constraint?: string };
    // Data that does not fit the table, or breaks one of its rules.
    if (!/^2[23]/.test(code)) throw error;
    throw new ExportFault(`A row of ${table} can't be stored${constraint ? `: it breaks ${constraint}` : ""}.`, { cause: error });
  }
};

/** Reads the rows of one table from the lines, stores them and compares them with the manifest. */
const storeTable = async (tx: Session, lines: AsyncIterator<string>, part: ManifestTable): Promise<number> => {
  const { table, rows: expected } = part;
  const prefix = prefixOf(part);
  const digest = createDigest();
  const isKnown = (await tx.one(sql<{ known: boolean }>`select to_regclass(${table}) is not null as known`)).known;
  if (!isKnown && part.kind !== "mention") throw new ExportFault(`The export has rows of ${table}, which this service does not have.`);
  // What the rows before have left there: triggers keep a revision of each option that is stored.
  if (table === "option_revision") await tx.rows(sql`delete from option_revision`);
  const all = isKnown ? await columnsOf(tx, table) : undefined;
  let columns: Columns | undefined;
  let [batch, characters]: [string[], number] = [[], 0];
  const flush = async () => {
    if (columns !== undefined && batch.length > 0) await storeRows(tx, table, columns, batch);
    [batch, characters] = [[], 0];
  };
  for (let read = 0; read < expected; read++) {
    const { value: line, done } = await lines.next();
    if (done || !line.startsWith(prefix))
      throw new ExportFault(`The file is cut off or changed: row ${read + 1} of ${expected} of ${table} is missing.`);
    const row = line.slice(prefix.length, -1);
    digest.add(row);
    if (part.kind === "mention" || all === undefined) continue;
    if (columns === undefined) {
      let keys: readonly string[];
      try {
        keys = Object.keys(JSON.parse(row) as object);
      } catch (error) {
        throw new ExportFault(`Row ${read + 1} of ${table} is no JSON.`, { cause: error });
      }
      columns = { ...all, names: all.names.filter((name) => keys.includes(name)) };
      const missing = (await requiredOf(tx, table)).filter((name) => !keys.includes(name));
      if (missing.length > 0)
        throw new ExportFault(
          `The export has no secrets, and a row of ${table} can't be without ${missing.join(", ")}: export with --secrets.`,
        );
    }
    batch.push(row);
    characters += row.length;
    if (batch.length === BATCH || characters > BATCH_CHARACTERS) await flush();
  }
  await flush();
  if (digest.hex() !== part.digest) throw new ExportFault(`The rows of ${table} are not those that were exported: their digest differs.`);
  if (all?.names.includes("id"))
    await tx.rows(sql`
      select setval(s.name, greatest((select max(id) from ${sql.table(table)}), 1)) from (select pg_get_serial_sequence(${table}, 'id') as name) s
      where s.name is not null and exists (select from ${sql.table(table)})`);
  return part.kind === "mention" ? 0 : expected;
};

/** What an import of an export has stored. */
export type StoredExport = { readonly manifest: Manifest; readonly rows: number };

/**
 * Stores an export of userd in an empty database, with all ids and versions: all of it, or nothing. `lines` are its lines.
 * @throws ExportFault for a file that is changed, cut off or newer, and for a database that is not empty.
 */
export const storeExport = (db: Database, lines: AsyncIterable<string>, dryRun: boolean): Promise<StoredExport> => {
  const iterator = lines[Symbol.asyncIterator]();
  return transact(db, BACKGROUND, async (transaction) => {
    const tx = createSession(transaction, db.kinds);
    await tx.rows(sql`select set_config('userd.caller', 'userd import', true)`);
    await requireEmpty(tx);
    const first = await iterator.next();
    const manifest = readManifest(first.done ? undefined : first.value);
    let rows = 0;
    for (const part of manifest.tables) rows += await storeTable(tx, iterator, part);
    if (!(await iterator.next()).done) throw new ExportFault("The file goes on after the last row of its manifest.");
    const stored = { manifest, rows };
    if (dryRun) throw new RolledBack(stored);
    return stored;
  });
};
