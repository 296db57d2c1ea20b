import { type RawBuilder, sql } from "kysely";
import type { ImportTx } from "./transaction.ts";

/**
 * A temporary table for rows that are read from the file. Readers fill its columns; steps fill the derived ones, and write its rows
 * to the table of the service. It is the file's side of every join, so memory does not grow with the file.
 */
export type StagingTable = {
  readonly name: string;
  /** The table of the service that its rows go into; undefined when its rows are not stored by themselves. */
  readonly table?: string;
  /** True when its records come from several models: two of these can have the same primary key. */
  readonly ofSeveralModels?: true;
  /** True when no other row refers to its rows, and no step looks them up one by one. */
  readonly isLeaf?: true;
  /** The columns that readers fill, as a map from name to SQL type. What a row leaves out is null, and listed in its `absent`. */
  readonly columns: Readonly<Record<string, string>>;
  readonly derived?: Readonly<Record<string, string>>;
  /** True when a step gives its rows their ids. Rows of other tables begin with their pk as id, where it can be one. */
  readonly getsIds?: true;
};

/** A row for a staging table, as a map from column to value. */
export type StagedRow = Readonly<Record<string, unknown>>;

/** The SQL type of text that is compared: the same order and equality as in the tables that it is joined with. */
export const TEXT = 'text collate "C"';

/** Columns of every staging table: where a row comes from. */
const origin = { model: TEXT, record: "bigint", pk: "bigint", absent: "text[]" } as const;

/** Columns of every staging table that steps fill: where a row goes, and what becomes of it; one without an outcome is new. */
const fate = { id: "bigint", outcome: "text" } as const;

/** Columns of a staged row that belongs to a user; see `UserReference`. */
export const userReferenceColumns = { user_pk: "bigint", user_name: TEXT, user_canonical: TEXT } as const;

/** The staging table of records that are not stored, each with the reason. */
export const skips = { name: "import_skip", columns: { reason: TEXT } } as const satisfies StagingTable;

/** The staging table of things that whoever imports should know of records that are stored. */
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

/** Creates the staging tables, in one statement. The end of the transaction drops them. */
export const createStagingTables = async (tx: ImportTx, tables: readonly StagingTable[]): Promise<void> => {
  await widenBuffers(tx);
  const created = tables.map(({ name, columns, derived = {}, getsIds }) => {
    const all = definition({ ...origin, ...columns, ...fate, ...derived });
    // Steps write rows that get their ids several times: where its page has room for that, no index is written (a HOT update).
    return `create temp table ${name} (${all}) with (fillfactor = ${getsIds ? 25 : 50}) on commit drop;`;
  });
  await tx.rows(sql.raw(`do $$ begin ${created.join(" ")} end $$`));
};

/** Adds to the number of rows that a staging table was given in this import. */
export const addGiven = ({ given }: Pick<ImportTx, "given">, { name }: StagingTable, rows = 1): void => {
  if (rows > 0) given.set(name, (given.get(name) ?? 0) + rows);
};

/** Tells whether a staging table has ever had rows. */
export const isGiven = ({ given }: Pick<ImportTx, "given">, { name }: StagingTable): boolean => given.has(name);

/** Rows that are few for a plan: tables of so many are joined as fast without statistics and indexes. */
const FEW = 500;

/**
 * Tells whether any staging table has so many rows that query plans matter. They matter for the small tables too then, since each
 * row of a large one may be looked up in them.
 */
export const isLarge = ({ given }: Pick<ImportTx, "given">): boolean => [...given.values()].some((rows) => rows > FEW);

/** Characters of JSON that go into one statement: rows are small, and a value can have 64 KiB. */
const BATCH = 256 * 1024;

/** A collector of rows, which writes them to staging tables in batches. */
export type Staging = {
  /** Adds a row to the batch of its table. Returns a promise when the batch became full, and is being written. */
  readonly add: (table: StagingTable, origin: Origin, row: StagedRow) => Promise<void> | undefined;
  /** Writes all rows that were added and not written yet. */
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

/** Makes the collector of rows for the staging tables of an import. */
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
