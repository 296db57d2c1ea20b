import { FieldFault, ImportFault, Unfit } from "./fault.ts";
import { key, type Note } from "./fields.ts";
import { isLarge, isStandIn, keys, shifted, standInOfName } from "./keys.ts";
import type { LinkRow } from "./reader.ts";
import { contentTypes } from "./readers/contenttypes-contenttype.ts";
import { users } from "./readers/user-staging.ts";
import type { Piece } from "./records.ts";
import { notes, type Origin, type StagedRow, type Staging, type StagingTable, skips } from "./staging.ts";
import type { Tally } from "./tally.ts";
import type { Ids, ImportTx } from "./transaction.ts";
import type { Models } from "./user-model.ts";

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null && !Array.isArray(value);

/** Reads a key. Throws FieldFault or Unfit with the name of the field in front. */
const keyOf = (value: unknown, field: string): bigint => {
  try {
    return key(value);
  } catch (error) {
    if (error instanceof Unfit) throw new Unfit(`${field} ${error.message}`, { cause: error });
    throw new FieldFault(`${field} ${(error as Error).message}`, { cause: error });
  }
};

/** Checks that a key can be kept as an id. Throws FieldFault when it is no integer, Unfit when it is too large. */
const requireId = (value: bigint, field: string): void => {
  if (isLarge(value))
    throw new Unfit(`${field} is 2^53 or more, after which no id could be given out: --ids new gives such records new ids`);
  if (isStandIn(value)) throw new FieldFault(`${field} is no integer: --ids new gives such records new ids`);
};

const references = new Map<string, boolean>();

/** Tells whether rows refer to other records of the file by a column. */
const isReference = (column: string): boolean => {
  const known = references.get(column);
  if (known !== undefined) return known;
  const is = /_pk$|^(scope|organization)_id$/.test(column);
  references.set(column, is);
  return is;
};

/** Replaces the keys in a row for `--ids new`, where none stays an id. When ids are kept, it checks them and throws as requireId does. */
const withKeys = (row: StagedRow, ids: Ids): StagedRow => {
  const changed: Record<string, unknown> = {};
  let isChanged = false;
  for (const name in row) {
    const value = row[name];
    if (typeof value !== "bigint" || !isReference(name)) continue;
    // The number of a content type can get into names of permissions: it stays as it is.
    if (ids === "new" && name !== "content_type_pk") {
      changed[name] = shifted(value);
      isChanged = true;
    } else if (ids === "keep") requireId(value, name.replace(/_(pk|id)$/, ""));
  }
  return isChanged ? { ...row, ...changed } : row;
};

/** Adds the rows of one record to the staging tables. Returns a promise when a batch became full, and is being written. */
const stageRecord = (
  record: unknown,
  models: Models,
  staging: Staging,
  { vault, ids }: Pick<ImportTx, "vault" | "ids">,
  tally: Tally,
): Promise<void> | undefined => {
  const number = tally.records() + 1;
  const broken = (where: string, what: string, cause?: unknown) => new ImportFault(`Record ${number}${where}: ${what}.`, { cause });
  if (!isObject(record)) throw broken("", "it has to be an object with model, pk and fields");
  const { model, pk, fields } = record as { model?: unknown; pk?: unknown; fields?: unknown };
  if (typeof model !== "string" || model === "") throw broken("", "it has no model");
  const reader = models.readerOf(model.toLowerCase(), fields);
  if (reader === undefined) {
    tally.notHeld(model);
    return undefined;
  }
  const here = () => ` (${reader.model}${typeof pk === "number" || typeof pk === "string" ? ` ${JSON.stringify(pk).slice(0, 40)}` : ""})`;
  const isNameless = pk === undefined || pk === null;
  if (isNameless && !reader.isKnownByName) throw broken(here(), "it has no pk: export without --natural-primary");
  if (!isObject(fields)) throw broken(here(), "it has no fields");
  /** The key by which others refer to it. */
  const own = reader.standsFor === undefined ? pk : (fields as Record<string, unknown>)[reader.standsFor];
  tally.read(reader.model);
  for (const name in fields) if (!reader.fields.has(name)) tally.unknownField(reader.model, name);
  const place = { model: reader.model, record: number, pk: undefined as bigint | undefined };
  /** Stages one row, or the reason why it is skipped. */
  const stage = (into: StagingTable, origin: Origin, columns: (note: Note) => StagedRow): (Promise<void> | undefined)[] => {
    let texts: Set<string> | undefined;
    try {
      const row = withKeys(
        columns((text) => {
          texts ??= new Set();
          texts.add(text);
        }),
        ids,
      );
      const full = [staging.add(into, origin, row)];
      for (const reason of texts ?? []) full.push(staging.add(notes, origin, { reason }));
      return full;
    } catch (error) {
      if (error instanceof Unfit) return [staging.add(skips, origin, { reason: error.message })];
      if (error instanceof FieldFault) throw broken(here(), error.message, error);
      throw error;
    }
  };
  let links: readonly LinkRow[] = [];
  let read: bigint | undefined;
  const full = stage(reader.into, place, (note) => {
    if (reader.standsFor !== undefined && (own ?? null) === null) throw new Unfit("it names nothing that it stands for");
    read = isNameless ? undefined : keyOf(own, reader.standsFor ?? "pk");
    place.pk = read === undefined || ids === "keep" || reader.into === contentTypes ? read : shifted(read);
    if (read !== undefined && ids === "keep") requireId(read, reader.standsFor ?? "pk");
    const rows = reader.rows(read, fields, vault, note);
    ({ links } = rows);
    if (reader.into !== users) return rows.columns;
    // A user without a key is known by its name, as in Django.
    if (isNameless) place.pk = read = standInOfName(String(rows.columns["natural_name"]));
    else if (ids === "new") return { ...rows.columns, external_id: rows.columns["external_id"] ?? String(pk) };
    return rows.columns;
  });
  if (read !== undefined && !isNameless && isStandIn(read)) full.push(staging.add(keys, place, { key: String(own) }));
  for (const { model: linkModel, into, columns } of links) {
    tally.link(linkModel);
    // It has no pk of its own, and goes with the record.
    full.push(
      ...stage(into, { model: linkModel, record: number }, (note) => {
        const row = columns(note);
        return "user_pk" in row ? { ...row, user_pk: read } : row;
      }),
    );
  }
  const waiting = full.filter((promise) => promise !== undefined);
  return waiting.length === 0 ? undefined : Promise.all(waiting).then(() => undefined);
};

/**
 * Writes the records of a file to the staging tables, and calls `onPiece` after each piece with the number of bytes that were read so far.
 * @throws ImportFault when the file is broken.
 */
export const stageFile = async (
  pieces: AsyncIterable<Piece>,
  models: Models,
  staging: Staging,
  tx: Pick<ImportTx, "vault" | "ids">,
  tally: Tally,
  onPiece: (bytes: number) => void,
): Promise<void> => {
  /** A batch that the database takes while the next one is read. */
  let writing: Promise<void> | undefined;
  for await (const { records, bytes } of pieces) {
    for (const record of records) {
      const full = stageRecord(record, models, staging, tx, tally);
      if (full === undefined) continue;
      // A failure is thrown where it is waited for.
      full.catch(() => {});
      await writing;
      writing = full;
    }
    onPiece(bytes);
  }
  await writing;
  models.assertFound();
  await staging.flush();
};
