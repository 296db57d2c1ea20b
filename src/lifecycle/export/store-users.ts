import { sql } from "kysely";
import type { Session } from "../../db/session.ts";
import { dropOwned } from "../../kinds/owned.ts";
import { removeRows } from "../owned-tables.ts";
import { profilesOf } from "../purge-users.ts";
import { createDigest, type Manifest, type ManifestTable, prefixOf, FORMAT as USER_FORMAT, VERSION as USER_VERSION } from "./format.ts";
import { partsOfAll } from "./parts.ts";
import { type Beginning, type End, FORMAT, parsedLine, VERSION } from "./resumable-format.ts";
import { columnsIn, ExportFault, MAX_CHARACTERS, MAX_ROWS, raiseIds, type StoredExport, storeRows } from "./store-rows.ts";

/** The most users whose rows are stored together. */
const BATCH = 500;

/** The rows of one user, by table, and those that are of others. */
type Segment = { readonly parts: readonly (ManifestTable & { readonly texts: readonly string[] })[]; readonly userIds: readonly string[] };

/** Reads the first line of an export that was made user by user; undefined = it is another file. Throws ExportFault for one of a newer version. */
export const readBeginning = (line: string): Beginning | undefined => {
  const beginning = parsedLine<Beginning>(line);
  if (beginning.format !== FORMAT) return undefined;
  if (beginning.version === undefined || beginning.version > VERSION)
    throw new ExportFault(
      `The export has version ${beginning.version} of the format, and this userd reads up to ${VERSION}: update userd first.`,
    );
  return beginning as Beginning;
};

const idOf = (row: string): string => String((JSON.parse(row) as { readonly id: number | string }).id);

/** Reads the rows of one user, whose manifest has been read, and compares them with it. */
const readSegment = async ({ userId, tables = [] }: Partial<Manifest>, lines: AsyncIterator<string>): Promise<Segment> => {
  const parts: (ManifestTable & { readonly texts: readonly string[] })[] = [];
  for (const part of tables) {
    const [prefix, digest, texts] = [prefixOf(part), createDigest(), [] as string[]];
    for (let read = 0; read < part.rows; read++) {
      const { value: line = "", done } = await lines.next();
      if (done || !line.startsWith(prefix))
        throw new ExportFault(`The file is cut off or changed: of user ${userId} a row of ${part.table} is missing.`);
      const row = line.slice(prefix.length, -1);
      digest.add(row);
      if (part.kind !== "mention") texts.push(row);
    }
    if (digest.hex() !== part.digest)
      throw new ExportFault(`The rows of ${part.table} of user ${userId} are not those that were exported: their digest differs.`);
    if (texts.length > 0) parts.push({ ...part, texts });
  }
  return { parts, userIds: parts.flatMap(({ table, texts }) => (table === "users" ? texts.map(idOf) : [])) };
};

/** Removes users that an earlier part of the file has, since they were merged into one of a later part, which has them too. */
const removeMerged = async (tx: Session, userIds: readonly string[]): Promise<void> => {
  const found = await tx.rows(sql<{ id: bigint }>`select id from users where id = any(${[...userIds]}::bigint[])`);
  const users = found.map(({ id }) => id);
  if (users.length === 0) return;
  await dropOwned(tx, await profilesOf(tx, users));
  await removeRows(tx, "users", users);
};

/** Stores the rows of one table: those of others, which several users bring along, as the last of them was exported. */
const storeTexts = async (tx: Session, table: string, texts: readonly string[], isShared: boolean): Promise<number> => {
  const rows = isShared ? [...new Map(texts.map((row) => [idOf(row), row])).values()] : texts;
  const columns = await columnsIn(tx, table, rows[0] ?? "");
  let [batch, characters]: [string[], number] = [[], 0];
  for (const [index, row] of rows.entries()) {
    batch.push(row);
    characters += row.length;
    if (batch.length < MAX_ROWS && characters < MAX_CHARACTERS && index + 1 < rows.length) continue;
    await storeRows(tx, table, columns, batch, isShared);
    [batch, characters] = [[], 0];
  }
  return rows.length;
};

/** Stores the rows of some users, in the order of the tables. */
const storeSegments = async (tx: Session, tables: readonly string[], segments: readonly Segment[], seen: Set<string>): Promise<number> => {
  const userIds = segments.flatMap((segment) => segment.userIds);
  await removeMerged(tx, userIds);
  const parts = Map.groupBy(
    segments.flatMap((segment) => segment.parts),
    ({ table }) => table,
  );
  let rows = 0;
  for (const table of tables) {
    const some = parts.get(table);
    if (some === undefined) continue;
    seen.add(table);
    // What triggers have made of the options that were stored.
    if (table === "option_revision") await tx.rows(sql`delete from option_revision where user_id = any(${userIds}::bigint[])`);
    const texts = some.flatMap((part) => part.texts);
    rows += await storeTexts(tx, table, texts, some[0]?.kind === "context");
    // What triggers make of the options of the next users must not take ids of these.
    if (table === "option_revision") await raiseIds(tx, table);
    // A permission that a role has lost since it was exported with an earlier user comes with nobody.
    if (table === "role") await tx.rows(sql`delete from role_permission where role_id = any(${texts.map(idOf)}::bigint[])`);
  }
  const unknown = [...parts.keys()].find((table) => !tables.includes(table));
  if (unknown !== undefined) throw new ExportFault(`The export has rows of ${unknown}, which this service does not have.`);
  return rows;
};

const readManifest = (line: string): Manifest => {
  const manifest = parsedLine<Manifest>(line);
  if (
    manifest.format !== USER_FORMAT ||
    manifest.version === undefined ||
    manifest.version > USER_VERSION ||
    !Array.isArray(manifest.tables)
  )
    throw new ExportFault("The file is changed: a user does not begin with the manifest of its export.");
  return manifest as Manifest;
};

/**
 * Stores an export that was made user by user (`exportResumable`). What changed while it was made stands as the last user has it that brings it along.
 * @throws ExportFault for a file that is changed, cut off or not done, or in which something has two owners, since it changed hands meanwhile.
 */
export const storeUsers = async (
  tx: Session,
  { startTime, startPosition }: Beginning,
  lines: AsyncIterator<string>,
): Promise<StoredExport> => {
  const tables = partsOfAll(tx).map(({ table }) => table);
  const seen = new Set<string>();
  let [segments, waiting, users, rows]: [Segment[], Set<string>, number, number] = [[], new Set(), 0, 0];
  const flush = async () => {
    rows += await storeSegments(tx, tables, segments, seen);
    [segments, waiting] = [[], new Set()];
  };
  let end: Partial<End> | undefined;
  for (let next = await lines.next(); !next.done; next = await lines.next()) {
    if (end !== undefined) throw new ExportFault("The file goes on after its last line.");
    end = parsedLine<End>(next.value);
    if (end.endTime !== undefined) continue;
    end = undefined;
    const segment = await readSegment(readManifest(next.value), lines);
    if (segments.length === BATCH || segment.userIds.some((id) => waiting.has(id))) await flush();
    segments.push(segment);
    for (const id of segment.userIds) waiting.add(id);
    users += 1;
  }
  if (end === undefined) throw new ExportFault("The file is not done, or was cut off: `userd export --all --resumable` goes on with it.");
  if (end.users !== users) throw new ExportFault(`The file has ${users} users, and says that they are ${end.users}: it was changed.`);
  await flush();
  for (const table of seen) if ((await columnsOfId(tx, table)) !== undefined) await raiseIds(tx, table);
  return { rows, tables: seen.size, exportTime: startTime, startPosition };
};

const columnsOfId = (tx: Session, table: string) =>
  tx.row(sql`select from pg_attribute where attrelid = ${table}::regclass and attname = 'id' and attidentity <> ''`);
