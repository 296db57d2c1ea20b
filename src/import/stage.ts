import type { Vault } from "../secrets.ts";
import { FieldFault, ImportFault, Unfit } from "./fault.ts";
import { key } from "./fields.ts";
import type { LinkRow, Reader } from "./reader.ts";
import { readers } from "./readers/index.ts";
import type { Piece } from "./records.ts";
import { type StagedRow, type Staging, type StagingTable, skips, userReferenceColumns } from "./staging.ts";
import type { Tally } from "./tally.ts";

const byModel = new Map<string, Reader>(readers.map((reader) => [reader.model, reader]));

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null && !Array.isArray(value);

/** @throws FieldFault when it is no primary key. */
const primaryKey = (value: unknown): bigint => {
  try {
    return key(value);
  } catch (error) {
    throw new FieldFault(`pk ${(error as Error).message}`, { cause: error });
  }
};

/** Reads one record into its staging tables; a promise when a batch became full. */
const stageRecord = (record: unknown, staging: Staging, vault: Vault, tally: Tally): Promise<void> | undefined => {
  const number = tally.records() + 1;
  const broken = (where: string, what: string, cause?: unknown) => new ImportFault(`Record ${number}${where}: ${what}.`, { cause });
  if (!isObject(record)) throw broken("", "it has to be an object with model, pk and fields");
  const { model, pk, fields } = record as { model?: unknown; pk?: unknown; fields?: unknown };
  if (typeof model !== "string" || model === "") throw broken("", "it has no model");
  const reader = byModel.get(model.toLowerCase());
  if (reader === undefined) {
    tally.notHeld(model);
    return undefined;
  }
  const here = ` (${reader.model}${typeof pk === "number" || typeof pk === "string" ? ` ${JSON.stringify(pk).slice(0, 40)}` : ""})`;
  const { isKeyless = false } = reader;
  const isUnnamed = pk === undefined || pk === null;
  if (isUnnamed && !isKeyless) throw broken(here, "it has no pk");
  if (!isObject(fields)) throw broken(here, "it has no fields");
  tally.read(reader.model);
  for (const name in fields) if (!reader.fields.has(name)) tally.unknownField(reader.model, name);
  const place = { model: reader.model, record: number, pk: undefined as bigint | undefined };
  /** Stages one row, or the reason why it is none. */
  const stage = (into: StagingTable, origin: StagedRow, columns: () => StagedRow): Promise<void> | undefined => {
    try {
      const row = columns();
      // A model that never has a column leaves it out like a record that has not: it stays as it is here.
      // How a row names its user is nothing to keep.
      const absent = Object.keys(into.columns).filter((name) => row[name] === undefined && !(name in userReferenceColumns));
      return staging.add(into, { ...origin, ...row, absent });
    } catch (error) {
      if (error instanceof Unfit) return staging.add(skips, { ...origin, reason: error.message });
      if (error instanceof FieldFault) throw broken(here, error.message, error);
      throw error;
    }
  };
  let links: readonly LinkRow[] = [];
  const full = [
    stage(reader.into, place, () => {
      if (!isUnnamed) place.pk = primaryKey(pk);
      const rows = reader.rows(place.pk ?? 0n, fields, vault);
      ({ links } = rows);
      return rows.columns;
    }),
  ];
  for (const { model: linkModel, into, columns } of links) {
    tally.link(linkModel);
    // It has no pk of its own, and goes with the record.
    full.push(stage(into, { model: linkModel, record: number }, columns));
  }
  const waiting = full.filter((promise) => promise !== undefined);
  return waiting.length === 0 ? undefined : Promise.all(waiting).then(() => undefined);
};

/** Reads a whole file into the staging tables. */
export const stageFile = async (
  pieces: AsyncIterable<Piece>,
  staging: Staging,
  vault: Vault,
  tally: Tally,
  onPiece: (bytes: number) => void,
): Promise<void> => {
  for await (const { records, bytes } of pieces) {
    for (const record of records) {
      const full = stageRecord(record, staging, vault, tally);
      if (full) await full;
    }
    onPiece(bytes);
  }
  await staging.flush();
};
