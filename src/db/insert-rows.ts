import { type Insertable, sql } from "kysely";
import type { Schema } from "../schema/entities.ts";
import type { Tx } from "./write.ts";

/** Replaces what JSON.stringify can't write, and what jsonb refuses: halves of surrogate pairs, which drivers replace too. */
const replacer = (_: string, value: unknown): unknown => {
  if (typeof value === "bigint") return String(value);
  return typeof value === "string" ? value.toWellFormed() : value;
};

/** Inserts any number of rows by one statement, with all rows in one JSON parameter. All rows must have the columns of the first row. */
export const insertRows = async <T extends keyof Schema & string>(
  tx: Tx,
  table: T,
  rows: readonly Insertable<Schema[T]>[],
): Promise<void> => {
  const [first] = rows;
  if (first === undefined) return;
  const columns = sql.join(Object.keys(first).map((column) => sql.ref(column)));
  await tx.rows(sql`
    insert into ${sql.table(table)} (${columns})
    select ${columns} from jsonb_populate_recordset(null::${sql.table(table)}, ${JSON.stringify(rows, replacer)}::jsonb)`);
};
