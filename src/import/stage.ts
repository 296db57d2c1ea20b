import type { Vault } from "../secrets.ts";
import { FieldFault, ImportFault, Unfit } from "./fault.ts";
import { key } from "./fields.ts";
import type { Reader } from "./reader.ts";
import { readers } from "./readers/index.ts";
import type { Piece } from "./records.ts";
import { type Staging, skips } from "./staging.ts";
import type { Tally } from "./tally.ts";

const byModel = new Map<string, Reader>(readers.map((reader) => [reader.model, reader]));

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null && !Array.isArray(value);

/** Reads one record into its staging table; a promise when a batch became full. */
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
  if (pk === undefined || pk === null) throw broken(here, "it has no pk");
  if (!isObject(fields)) throw broken(here, "it has no fields");
  tally.read(reader.model);
  for (const name in fields) if (!reader.fields.has(name)) tally.unknownField(reader.model, name);
  const origin = { model: reader.model, record: number, pk: undefined as bigint | undefined };
  try {
    try {
      origin.pk = key(pk);
    } catch (error) {
      throw new FieldFault(`pk ${(error as Error).message}`, { cause: error });
    }
    const columns = reader.columns(fields, vault);
    const absent = Object.keys(columns).filter((name) => columns[name] === undefined);
    return staging.add(reader.into, { ...origin, ...columns, absent });
  } catch (error) {
    if (error instanceof Unfit) return staging.add(skips, { ...origin, reason: error.message });
    if (error instanceof FieldFault) throw broken(here, error.message, error);
    throw error;
  }
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
