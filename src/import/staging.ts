import { sql } from "kysely";
import type { ImportTx } from "./transaction.ts";

/**
 * A temporary table for the rows of one kind. Readers yield its columns; steps fill the derived ones and merge it.
 * It is the file's side of every join, so memory does not grow with the file.
 */
export type StagingTable = {
  readonly name: string;
  /** Column → type; what a row leaves out is null, and listed in `absent`. */
  readonly columns: Readonly<Record<string, string>>;
  readonly derived?: Readonly<Record<string, string>>;
};

/** A row on its way into a staging table. */
export type StagedRow = Readonly<Record<string, unknown>>;

/** The type of text that is compared: the same order and equality as in the tables that it is joined with. */
export const TEXT = 'text collate "C"';

/** Columns of every staging table: where a row comes from. */
const origin = { model: TEXT, record: "bigint", pk: "bigint", absent: "text[]" } as const;

/** Columns of every staging table that steps fill: where a row goes, and what becomes of it. */
const fate = { id: "bigint", outcome: "text" } as const;

/** Columns of a staged row that belongs to a user; see `UserReference`. */
export const userReferenceColumns = { user_pk: "bigint", user_name: TEXT, user_canonical: TEXT } as const;

/** Records that are not stored, and why. */
export const skips = { name: "import_skip", columns: { reason: TEXT } } as const satisfies StagingTable;

/** What whoever imports should know of records that are stored. */
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

/** Makes the temporary tables; they go with the transaction. */
export const createStagingTables = async (tx: ImportTx, tables: readonly StagingTable[]): Promise<void> => {
  await widenBuffers(tx);
  for (const { name, columns, derived = {} } of tables) {
    const all = definition({ ...origin, ...columns, ...fate, ...derived });
    // Steps write each row several times: where its page has room for that, no index is written (a HOT update).
    await tx.rows(sql`create temp table ${sql.raw(`${name} (${all})`)} with (fillfactor = 25) on commit drop`);
  }
};

/** Characters of JSON that go into one statement: rows are small, and a value can have 64 KiB. */
const BATCH = 256 * 1024;

/** Collects rows and writes them in batches. */
export type Staging = {
  /** Takes a row; a promise when a batch became full, which is being written. */
  readonly add: (table: StagingTable, row: StagedRow) => Promise<void> | undefined;
  /** Writes what is left. */
  readonly flush: () => Promise<void>;
};

/** A row as JSON; the types of the columns say what is a number. */
const jsonOf = (row: StagedRow): string => {
  const members: Record<string, unknown> = { ...row };
  for (const name in row) {
    const value = row[name];
    if (typeof value === "bigint") members[name] = String(value);
  }
  return JSON.stringify(members);
};

type Batch = { rows: string[]; size: number };

/** Makes the way into the staging tables. */
export const createStaging = (tx: ImportTx): Staging => {
  const batches = new Map<StagingTable, Batch>();

  // One bound parameter whatever the number of columns and rows: hashes and tokens never stand in SQL text.
  const write = async (table: StagingTable, batch: Batch): Promise<void> => {
    const columns: [string, string][] = Object.entries({ ...origin, ...table.columns });
    const names = columns.map(([name]) => name).join(", ");
    // JSON travels as text inside the JSON of its row: it is checked already, and a row is built by one stringify.
    const values = columns.map(([name, type]) => (type === "jsonb" ? `${name}::jsonb` : name)).join(", ");
    const received = definition(Object.fromEntries(columns.map(([name, type]) => [name, type === "jsonb" ? "text" : type])));
    const json = `[${batch.rows.join(",")}]`;
    batches.delete(table);
    await tx.rows(sql`insert into ${sql.raw(`${table.name} (${names}) select ${values}`)}
      from json_to_recordset(${json}::json) as r (${sql.raw(received)})`);
  };

  return {
    add: (table, row) => {
      const batch = batches.get(table) ?? { rows: [], size: 0 };
      batches.set(table, batch);
      const json = jsonOf(row);
      batch.rows.push(json);
      batch.size += json.length;
      return batch.size < BATCH ? undefined : write(table, batch);
    },
    flush: async () => {
      for (const [table, batch] of batches) await write(table, batch);
    },
  };
};
