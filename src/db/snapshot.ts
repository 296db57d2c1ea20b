import { sql } from "kysely";

/**
 * The SQL of a table with one row, which reads for the cache join: the current epoch of versions, and the database's time in milliseconds
 * since 1970. The time is that of the transaction: `statement_timestamp()` may be later than the snapshot that the statement sees.
 */
export const snapshot = sql.raw(
  "(select current_epoch() as epoch, extract(epoch from transaction_timestamp())::float8 * 1000 as database_time offset 0) snapshot",
);

/** The columns that every row has when a read of the cache joins `snapshot`. */
export type SnapshotColumns = { readonly epoch: string; readonly database_time: number; readonly aggregate_version: bigint };

/** The columns of `snapshot` itself, as a list to select in SQL. */
export const snapshotColumns = sql.raw("snapshot.epoch, snapshot.database_time");
