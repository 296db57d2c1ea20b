import { type RawBuilder, sql } from "kysely";
import type { ImportTx } from "./transaction.ts";

/**
 * A temporary table for the rows of one kind. Readers yield its columns; steps fill the derived ones and merge it.
 * It is the file's side of every join, so memory does not grow with the file.
 */
export type StagingTable = {
  readonly name: string;
  /** The table of the service that its rows go into; undefined for what other rows are named by. */
  readonly table?: string;
  /** Its records come from several models, which each have primary keys of their own. */
  readonly ofSeveralModels?: true;
  /** Nothing refers to its rows, and nothing looks them up one by one. */
  readonly isLeaf?: true;
  /** Column → type; what a row leaves out is null, and listed in `absent`. */
  readonly columns: Readonly<Record<string, string>>;
  readonly derived?: Readonly<Record<string, string>>;
  /** Its rows get their ids from a step; those of other tables come with their pk for one, where that can be one. */
  readonly getsIds?: true;
};

/** A row on its way into a staging table. */
export type StagedRow = Readonly<Record<string, unknown>>;

/** The type of text that is compared: the same order and equality as in the tables that it is joined with. */
export const TEXT = 'text collate "C"';

/** Columns of every staging table: where a row comes from. */
const origin = { model: TEXT, record: "bigint", pk: "bigint", absent: "text[]" } as const;

/** Columns of every staging table that steps fill: where a row goes, and what becomes of it; one without an outcome is new. */
const fate = { id: "bigint", outcome: "text" } as const;

/** Columns of a staged row that belongs to a user; see `UserReference`. */
export const userReferenceColumns = { user_pk: "bigint", user_name: TEXT, user_canonical: TEXT } as const;

/** Records that are not stored, and why. */
export const skips = { name: "import_skip", columns: { reason: TEXT } } as const satisfies StagingTable;

/** Things that whoever imports should know of records that are stored. */
export const notes = { name: "import_note", columns: { reason: TEXT, about: TEXT } } as const satisfies StagingTable;

const definition = (columns: Readonly<Record<string, string>>): string =>
  Object.entries(columns)
    .map(([name, type]) => `${name} ${type}`)
    .join(", ");

/**
 * Memory of the connection for pages of temporary tables, which each step reads again: 8 MB would have them written and read each
 * time. It can only be chosen before the first of them; a connection that has used some keeps what it has.
 */
const widenBuffers = (tx: ImportTx) =>
  tx.rows(sql`do $$ begin
    set local temp_buffers = '256MB';
  exception when invalid_parameter_value then null; end $$`);

/** Makes the temporary tables, in one statement; they go with the transaction. */
export const createStagingTables = async (tx: ImportTx, tables: readonly StagingTable[]): Promise<void> => {
  await widenBuffers(tx);
  const created = tables.map(({ name, columns, derived = {}, getsIds }) => {
    const all = definition({ ...origin, ...columns, ...fate, ...derived });
    // Steps write rows that get their ids several times: where its page has room for that, no index is written (a HOT update).
    return `create temp table ${name} (${all}) with (fillfactor = ${getsIds ? 25 : 50}) on commit drop;`;
  });
  await tx.rows(sql.raw(`do $$ begin ${created.join(" ")} end $$`));
};

/** Notes that a staging table has further rows. */
export const addGiven = ({ given }: Pick<ImportTx, "given">, { name }: StagingTable, rows = 1): void => {
  if (rows > 0) given.set(name, (given.get(name) ?? 0) + rows);
};

/** Tells whether a staging table has ever had rows. */
export const isGiven = ({ given }: Pick<ImportTx, "given">, { name }: StagingTable): boolean => given.has(name);

/** Rows that are few for a plan: tables of so many are joined as fast without statistics and indexes. */
const FEW = 500;

/** Tells whether some staging table has so many rows that plans matter: then for the small ones too, which each of those rows may look into. */
export const isLarge = ({ given }: Pick<ImportTx, "given">): boolean => [...given.values()].some((rows) => rows > FEW);

/** Characters of JSON that go into one statement: rows are small, and a value can have 64 KiB. */
const BATCH = 256 * 1024;

/** Collects rows and writes them in batches. */
export type Staging = {
  /** Takes a row; a promise when a batch became full, which is being written. */
  readonly add: (table: StagingTable, origin: Origin, row: StagedRow) => Promise<void> | undefined;
  /** Writes what is left. */
  readonly flush: () => Promise<void>;
};

/** The record that a row comes from. */
export type Origin = { readonly model: string; readonly record: number; readonly pk?: bigint | undefined };

/**
 * Columns that a step fills, as they are for nearly all rows of nearly all files: then the step finds nothing to write, and a row is
 * written once. Column → expression on what was read.
 */
const presumed = ({ columns, derived = {}, getsIds }: StagingTable): [string, string][] => [
  ...(getsIds ? [] : [["id", "case when pk > 0 then pk end"] as [string, string]]),
  ...["user", "organization"]
    .filter((owner) => `${owner}_pk` in columns && `${owner}_id` in derived)
    .map((owner): [string, string] => [`${owner}_id`, `${owner}_pk`]),
];

/** A staging table as rows are written to it: what need not be found out for each. */
type Written = {
  readonly names: readonly string[];
  /** The columns that stay as they are here when a row leaves them out: not how it names its user. */
  readonly kept: readonly string[];
  readonly insert: (json: string) => RawBuilder<unknown>;
};

const written = (table: StagingTable): Written => {
  const columns: [string, string][] = Object.entries({ ...origin, ...table.columns });
  const guesses = presumed(table);
  const names = [...columns, ...guesses].map(([name]) => name).join(", ");
  // JSON travels as text inside the JSON of its row: it is checked already, and a row is built by one pass.
  const values = [
    ...columns.map(([name, type]) => (type === "jsonb" ? `${name}::jsonb` : name)),
    ...guesses.map(([, expression]) => expression),
  ].join(", ");
  const received = definition(Object.fromEntries(columns.map(([name, type]) => [name, type === "jsonb" ? "text" : type])));
  const own = Object.keys(table.columns);
  return {
    names: own,
    kept: own.filter((name) => !(name in userReferenceColumns)),
    // One bound parameter whatever the number of columns and rows: hashes and tokens never stand in SQL text.
    insert: (json) => sql`insert into ${sql.raw(`${table.name} (${names}) select ${values}`)}
      from json_to_recordset(${json}::json) as r (${sql.raw(received)})`,
  };
};

const textOf = (value: unknown): string => (typeof value === "bigint" ? String(value) : JSON.stringify(value));

/** A row as JSON; the types of the columns say what is a number, and what is left out is null. */
const jsonOf = ({ names, kept }: Written, { model, record, pk }: Origin, row: StagedRow): string => {
  let json = `{"model":${JSON.stringify(model)},"record":${record}`;
  if (pk !== undefined) json += `,"pk":${pk}`;
  for (const name of names) {
    const value = row[name];
    if (value !== undefined && value !== null) json += `,"${name}":${textOf(value)}`;
  }
  // A model that never has a column leaves it out like a record that has not: it stays as it is here.
  let absent = "";
  for (const name of kept) if (row[name] === undefined) absent += `${absent === "" ? "" : ","}"${name}"`;
  return `${json},"absent":[${absent}]}`;
};

/** Rows that are collected for a table. Keys that only ever grow don't come twice: nobody has to look for those that do. */
type Batch = { json: string; largest: bigint; readonly to: Written };

/** Makes the way into the staging tables. */
export const createStaging = (tx: ImportTx): Staging => {
  const batches = new Map<StagingTable, Batch>();

  const write = async (batch: Batch): Promise<void> => {
    const { json } = batch;
    batch.json = "";
    await tx.rows(batch.to.insert(`[${json}]`));
  };

  return {
    add: (table, origin, row) => {
      addGiven(tx, table);
      let batch = batches.get(table);
      if (batch === undefined) {
        batch = { json: "", largest: -(2n ** 63n) - 1n, to: written(table) };
        batches.set(table, batch);
      }
      if (origin.pk !== undefined) {
        if (origin.pk > batch.largest) batch.largest = origin.pk;
        else tx.unordered.add(table.name);
      }
      batch.json += `${batch.json === "" ? "" : ","}${jsonOf(batch.to, origin, row)}`;
      return batch.json.length < BATCH ? undefined : write(batch);
    },
    flush: async () => {
      for (const batch of batches.values()) if (batch.json !== "") await write(batch);
    },
  };
};
