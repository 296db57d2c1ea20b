import type { Vault } from "../secrets/secrets.ts";
import { FieldFault, ImportFault, Unfit } from "./fault.ts";
import { key, type Note } from "./fields.ts";
import type { LinkRow } from "./reader.ts";
import type { Piece } from "./records.ts";
import { notes, type StagedRow, type Staging, type StagingTable, skips, userReferenceColumns } from "./staging.ts";
import type { Tally } from "./tally.ts";
import type { Models } from "./user-model.ts";

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null && !Array.isArray(value);

/** @throws FieldFault when it is no primary key. */
const primaryKey = (value: unknown): bigint => {
  try {
    return key(value);
  } catch (error) {
    if (error instanceof Unfit) throw new Unfit(`pk ${error.message}`, { cause: error });
    throw new FieldFault(`pk ${(error as Error).message}`, { cause: error });
  }
};

/** Reads one record into its staging tables; a promise when a batch became full. */
const stageRecord = (record: unknown, models: Models, staging: Staging, vault: Vault, tally: Tally): Promise<void> | undefined => {
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
  const here = ` (${reader.model}${typeof pk === "number" || typeof pk === "string" ? ` ${JSON.stringify(pk).slice(0, 40)}` : ""})`;
  const isNameless = pk === undefined || pk === null;
  if (isNameless && !reader.isKnownByName) throw broken(here, "it has no pk: export without --natural-primary");
  if (!isObject(fields)) throw broken(here, "it has no fields");
  tally.read(reader.model);
  for (const name in fields) if (!reader.fields.has(name)) tally.unknownField(reader.model, name);
  const place = { model: reader.model, record: number, pk: undefined as bigint | undefined };
  /** Stages one row, or the reason why it is none. */
  const stage = (into: StagingTable, origin: StagedRow, columns: (note: Note) => StagedRow): (Promise<void> | undefined)[] => {
    const texts = new Set<string>();
    try {
      const row = columns((text) => texts.add(text));
      // A model that never has a column leaves it out like a record that has not: it stays as it is here.
      // How a row names its user is nothing to keep.
      const absent = Object.keys(into.columns).filter((name) => row[name] === undefined && !(name in userReferenceColumns));
      return [staging.add(into, { ...origin, ...row, absent }), ...[...texts].map((reason) => staging.add(notes, { ...origin, reason }))];
    } catch (error) {
      if (error instanceof Unfit) return [staging.add(skips, { ...origin, reason: error.message })];
      if (error instanceof FieldFault) throw broken(here, error.message, error);
      throw error;
    }
  };
  let links: readonly LinkRow[] = [];
  const full = stage(reader.into, place, (note) => {
    place.pk = isNameless ? undefined : primaryKey(pk);
    const rows = reader.rows(place.pk, fields, vault, note);
    ({ links } = rows);
    return rows.columns;
  });
  for (const { model: linkModel, into, columns } of links) {
    tally.link(linkModel);
    // It has no pk of its own, and goes with the record.
    full.push(...stage(into, { model: linkModel, record: number }, columns));
  }
  const waiting = full.filter((promise) => promise !== undefined);
  return waiting.length === 0 ? undefined : Promise.all(waiting).then(() => undefined);
};

/** Reads a whole file into the staging tables. */
export const stageFile = async (
  pieces: AsyncIterable<Piece>,
  models: Models,
  staging: Staging,
  vault: Vault,
  tally: Tally,
  onPiece: (bytes: number) => void,
): Promise<void> => {
  for await (const { records, bytes } of pieces) {
    for (const record of records) {
      const full = stageRecord(record, models, staging, vault, tally);
      if (full) await full;
    }
    onPiece(bytes);
  }
  models.assertFound();
  await staging.flush();
};
