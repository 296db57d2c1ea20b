import { sql } from "kysely";
import { RolledBack, transact } from "../../db/in-transaction.ts";
import type { Database } from "../../db/orm.ts";
import { BACKGROUND } from "../../db/places.ts";
import { createSession, type Session } from "../../db/session.ts";
import type { Columns } from "../merge/columns.ts";
import { notePartings } from "../scope-history.ts";
import { createDigest, FORMAT, type Manifest, type ManifestTable, prefixOf, VERSION } from "./format.ts";
import { parsedLine } from "./resumable-format.ts";
import { columnsIn, ExportFault, hasTable, MAX_CHARACTERS, MAX_ROWS, raiseIds, type StoredExport, storeRows } from "./store-rows.ts";
import { readBeginning, storeUsers } from "./store-users.ts";

const readManifest = (line: string): Manifest => {
  const manifest = parsedLine<Manifest>(line);
  if (manifest.format !== FORMAT || typeof manifest.version !== "number" || !Array.isArray(manifest.tables))
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

/** Reads the rows of one table from the lines, stores them and compares them with the manifest. */
const storeTable = async (tx: Session, lines: AsyncIterator<string>, part: ManifestTable): Promise<number> => {
  const { table, rows: expected } = part;
  const prefix = prefixOf(part);
  const digest = createDigest();
  const isKnown = await hasTable(tx, table);
  if (!isKnown && part.kind !== "mention") throw new ExportFault(`The export has rows of ${table}, which this service does not have.`);
  // What the rows before have left there: triggers keep a revision of each option that is stored.
  if (table === "option_revision") await tx.rows(sql`delete from option_revision`);
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
    if (part.kind === "mention") continue;
    columns ??= await columnsIn(tx, table, row);
    batch.push(row);
    characters += row.length;
    if (batch.length === MAX_ROWS || characters > MAX_CHARACTERS) await flush();
  }
  await flush();
  if (digest.hex() !== part.digest) throw new ExportFault(`The rows of ${table} are not those that were exported: their digest differs.`);
  if (columns?.names.includes("id")) await raiseIds(tx, table);
  return part.kind === "mention" ? 0 : expected;
};

const storeWhole = async (tx: Session, first: string, lines: AsyncIterator<string>): Promise<StoredExport> => {
  const { tables, exportTime } = readManifest(first);
  let rows = 0;
  for (const part of tables) rows += await storeTable(tx, lines, part);
  if (!(await lines.next()).done) throw new ExportFault("The file goes on after the last row of its manifest.");
  return { rows, tables: tables.length, exportTime };
};

/**
 * Stores an export of userd in an empty database, with all ids and versions: all of it, or nothing. `lines` are its lines.
 * @throws ExportFault for a file that is changed, cut off, not done or newer, and for a database that is not empty.
 */
export const storeExport = (db: Database, lines: AsyncIterable<string>, dryRun: boolean): Promise<StoredExport> => {
  const iterator = lines[Symbol.asyncIterator]();
  return transact(db, BACKGROUND, async (transaction) => {
    const tx = createSession(transaction, db.kinds);
    await tx.rows(sql`select set_config('userd.caller', 'userd import', true)`);
    await requireEmpty(tx);
    const { value: first = "", done } = await iterator.next();
    const beginning = done ? undefined : readBeginning(first);
    const stored = beginning === undefined ? await storeWhole(tx, done ? "" : first, iterator) : await storeUsers(tx, beginning, iterator);
    await notePartings(tx);
    if (dryRun) throw new RolledBack(stored);
    return stored;
  });
};
