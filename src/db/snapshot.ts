import { sql } from "kysely";

/**
 * The SQL of a one-row table for statements that load content for the cache: the current epoch, and the start of the transaction by the
 * database's clock, in ms since 1970. Unlike `statement_timestamp()`, this time is never later than the snapshot that the statement reads.
 */
export const snapshot = sql.raw(
  "(select current_epoch() as epoch, extract(epoch from transaction_timestamp())::float8 * 1000 as database_time offset 0) snapshot",
);

/** The columns that every row loaded for the cache has besides the content: the two of `snapshot`, and the version of the row's aggregate. */
export type SnapshotColumns = { readonly epoch: string; readonly database_time: number; readonly aggregate_version: bigint };

/** The SQL text that selects the columns of `snapshot`, for a statement that joins `snapshot`. */
export const snapshotColumns = sql.raw("snapshot.epoch, snapshot.database_time");
