import { type RawBuilder, sql } from "kysely";
import type { ImportTx } from "./transaction.ts";

/**
 * The description of a staging table. Import readers fill `columns`; the merge fills `derived`, and copies the rows to `table`, a permanent
 * table.
 */
export type StagingTable = {
  readonly name: string;
  /** The table of the service that its rows go into; undefined when they are not stored by themselves. */
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

/** The SQL type of text in staging tables, with the collation of the permanent tables, so that texts compare and sort in the same way. */
export const TEXT = 'text collate "C"';

/** The columns of every staging table that say where a row comes from. */
const origin = { model: TEXT, record: "bigint", pk: "bigint", absent: "text[]" } as const;

/** The columns of every staging table that steps fill. A row without an outcome is new. */
const fate = { id: "bigint", outcome: "text" } as const;

/** The columns of a staging table whose rows belong to users (`UserReference`), as a map from name to SQL type. */
export const userReferenceColumns = { user_pk: "bigint", user_name: TEXT, user_canonical: TEXT } as const;

/** The staging table of skipped records, each with the reason. */
export const skips = { name: "import_skip", columns: { reason: TEXT } } as const satisfies StagingTable;

/** The staging table of notes for the report, about records that are stored. */
export const notes = { name: "import_note", columns: { reason: TEXT, about: TEXT } } as const satisfies StagingTable;

const definition = (columns: Readonly<Record<string, string>>): string =>
  Object.entries(columns)
    .map(([name, type]) => `${name} ${type}`)
    .join(", ");

/**
 * Lets the connection hold 256 MB of temporary tables, which each step reads again: with 8 MB they would be written and read each time.
 * A connection that has used a temporary table before keeps what it has.
 */
const widenBuffers = (tx: ImportTx) =>
  tx.rows(sql`do $$ begin
    set local temp_buffers = '256MB';
  exception when invalid_parameter_value then null; end $$`);

/** Creates the staging tables of an import, in one statement. PostgreSQL drops the tables at the end of the transaction. */
export const createStagingTables = async (tx: ImportTx, tables: readonly StagingTable[]): Promise<void> => {
  await widenBuffers(tx);
  const created = tables.map(({ name, columns, derived = {}, getsIds, isLeaf }) => {
    const all = definition({ ...origin, ...columns, ...fate, ...derived });
    // Steps write rows that get their ids several times: where its page has room for that, no index is written (a HOT update). Leaves
    // have no index.
    return `create temp table ${name} (${all}) with (fillfactor = ${getsIds ? 25 : isLeaf ? 100 : 50}) on commit drop;`;
  });
  await tx.rows(sql.raw(`do $$ begin ${created.join(" ")} end $$`));
};

/** Adds `rows` to the count of the rows that a staging table got in this import (`tx.given`). */
export const addGiven = ({ given }: Pick<ImportTx, "given">, { name }: StagingTable, rows = 1): void => {
  if (rows > 0) given.set(name, (given.get(name) ?? 0) + rows);
};

/** Tells whether a staging table got any rows in this import. */
export const isGiven = ({ given }: Pick<ImportTx, "given">, { name }: StagingTable): boolean => given.has(name);

/** The most rows of a table that is joined as fast without statistics and indexes. */
const FEW = 500;

/** Tells whether any staging table has more than 500 rows, so that queries need statistics and indexes to be fast. */
export const isLarge = ({ given }: Pick<ImportTx, "given">): boolean => [...given.values()].some((rows) => rows > FEW);

/** Characters of JSON that go into one statement: rows are small, and a value can have 64 KiB. */
const BATCH = 256 * 1024;

/** A collector of rows, which writes them to staging tables in batches. */
export type Staging = {
  /** Adds a row to the batch of its table. Returns a promise when the batch became full, and is being written. */
  readonly add: (table: StagingTable, origin: Origin, row: StagedRow) => Promise<void> | undefined;
  readonly flush: () => Promise<void>;
};

/** The record of the file from which a row comes: the record's model, number in the file, and key. */
export type Origin = { readonly model: string; readonly record: number; readonly pk?: bigint | undefined };

/**
 * Guesses derived columns, as pairs of column and SQL expression. The guess is right for nearly all rows of nearly all files. Then the
 * step that fills the column finds nothing to write, and a row is written once.
 */
const presumed = ({ columns, derived = {}, getsIds }: StagingTable): [string, string][] => [
  ...(getsIds ? [] : [["id", "case when pk > 0 then pk end"] as [string, string]]),
  ...["user", "organization"]
    .filter((owner) => `${owner}_pk` in columns && `${owner}_id` in derived)
    .map((owner): [string, string] => [`${owner}_id`, `${owner}_pk`]),
];

/** The names and statements that are computed once for all rows of a staging table. */
type Written = {
  readonly names: readonly string[];
  /** The columns that stay as they are here when a row leaves them out: not how it names its user. */
  readonly kept: readonly string[];
  readonly insert: (model: string, json: string) => RawBuilder<unknown>;
};

const written = (table: StagingTable): Written => {
  const { model, ...read } = origin;
  const columns: [string, string][] = Object.entries({ ...read, ...table.columns });
  const guesses = presumed(table);
  const names = ["model", ...[...columns, ...guesses].map(([name]) => name)].join(", ");
  // JSON travels as text inside the JSON of its row: it is checked already, and a row is built by one pass.
  const values = [
    ...columns.map(([name, type]) => (type === "jsonb" ? `${name}::jsonb` : name === "absent" ? "coalesce(absent, '{}')" : name)),
    ...guesses.map(([, expression]) => expression),
  ].join(", ");
  const received = definition(Object.fromEntries(columns.map(([name, type]) => [name, type === "jsonb" ? "text" : type])));
  const own = Object.keys(table.columns);
  return {
    names: own,
    kept: own.filter((name) => !(name in userReferenceColumns)),
    // Two bound parameters whatever the number of columns and rows: hashes and tokens never stand in SQL text.
    insert: (of, json) => sql`insert into ${sql.raw(`${table.name} (${names})`)} select ${of}::${sql.raw(`${model}, ${values}`)}
      from json_to_recordset(${json}::json) as r (${sql.raw(received)})`,
  };
};

const textOf = (value: unknown): string =>
  typeof value === "bigint" || typeof value === "boolean" ? String(value) : JSON.stringify(value);

/** A row as JSON; the types of the columns say what is a number, and what is left out is null. */
const jsonOf = ({ names, kept }: Written, { record, pk }: Origin, row: StagedRow): string => {
  let json = `{"record":${record}`;
  if (pk !== undefined) json += `,"pk":${pk}`;
  for (const name of names) {
    const value = row[name];
    if (value !== undefined && value !== null) json += `,"${name}":${textOf(value)}`;
  }
  // A model that never has a column leaves it out like a record that has not: it stays as it is here.
  let absent = "";
  for (const name of kept) if (row[name] === undefined) absent += `${absent === "" ? "" : ","}"${name}"`;
  return absent === "" ? `${json}}` : `${json},"absent":[${absent}]}`;
};

/** What waits to be written to a staging table: its rows as JSON, keyed by model. While keys only grow, none can come twice. */
type Waiting = { largestKey: bigint; readonly to: Written; readonly batches: Map<string, string> };

/** Makes the collector that writes rows to the staging tables of an import. */
export const createStaging = (tx: ImportTx): Staging => {
  const waiting = new Map<StagingTable, Waiting>();

  const write = async ({ to, batches }: Waiting, model: string, json: string): Promise<void> => {
    batches.set(model, "");
    await tx.rows(to.insert(model, `[${json}]`));
  };

  return {
    add: (table, origin, row) => {
      addGiven(tx, table);
      let own = waiting.get(table);
      if (own === undefined) {
        own = { largestKey: -(2n ** 63n) - 1n, to: written(table), batches: new Map() };
        waiting.set(table, own);
      }
      if (origin.pk !== undefined) {
        if (origin.pk > own.largestKey) own.largestKey = origin.pk;
        else tx.unordered.add(table.name);
      }
      const before = own.batches.get(origin.model) ?? "";
      const json = `${before}${before === "" ? "" : ","}${jsonOf(own.to, origin, row)}`;
      if (json.length >= BATCH) return write(own, origin.model, json);
      own.batches.set(origin.model, json);
      return undefined;
    },
    flush: async () => {
      for (const own of waiting.values()) for (const [model, json] of own.batches) if (json !== "") await write(own, model, json);
    },
  };
};
