import { isDeepStrictEqual } from "node:util";
import { sql } from "kysely";
import type { Tx } from "../db/transaction.ts";
import { conflict } from "../errors.ts";

/** A row with an etag. */
type Versioned = { readonly id: bigint; readonly version: number };

/** The version of a row. */
export const etagOf = ({ version }: Versioned): string => String(version);

/**
 * The change is based on the version that is stored; an empty etag asks for no check.
 * @param what what has changed, for the sentence.
 * @throws ABORTED ETAG_MISMATCH.
 */
export const assertEtag = (row: Versioned, etag: string, what: string): void => {
  const current = etagOf(row);
  if (etag !== "" && etag !== current) throw conflict("ETAG_MISMATCH", `The ${what} has changed since.`, { metadata: { etag: current } });
};

/** Columns as a statement takes them: only annotations are JSON. */
const bound = (column: string, value: unknown) => (column === "annotations" ? sql`${JSON.stringify(value)}::jsonb` : sql`${value}`);

/** Inserts a row and returns its id, or undefined: a row with the same `unique` column is there. */
export const insertRow = async (
  tx: Tx,
  table: "account" | "user_profile",
  columns: Readonly<Record<string, unknown>>,
  unique?: string,
): Promise<bigint | undefined> => {
  const names = Object.keys(columns);
  const row = await tx.row(sql<{ id: bigint }>`
    insert into ${sql.table(table)} (${sql.join(names.map((name) => sql.ref(name)))})
    values (${sql.join(names.map((name) => bound(name, columns[name])))})
    ${unique === undefined ? sql`` : sql`on conflict (${sql.ref(unique)}) do nothing`}
    returning id`);
  return row?.id;
};

/** Writes the columns whose values differ; if none does, nothing, and the etag stays. */
export const changeRow = async (
  tx: Tx,
  table: "account" | "user_profile",
  row: Versioned,
  columns: Readonly<Record<string, unknown>>,
): Promise<void> => {
  const stored: Readonly<Record<string, unknown>> = { ...row };
  const changed = Object.entries(columns).filter(([name, value]) => !isDeepStrictEqual(stored[name], value));
  if (changed.length === 0) return;
  await tx.rows(sql`
    update ${sql.table(table)}
    set ${sql.join(changed.map(([name, value]) => sql`${sql.ref(name)} = ${bound(name, value)}`))},
      update_time = statement_timestamp(), version = version + 1
    where id = ${row.id}`);
};
