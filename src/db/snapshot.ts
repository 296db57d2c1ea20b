import { sql } from "kysely";

/**
 * The SQL of a one-row table to join in statements that load for the cache: the current epoch of versions, and the start of the transaction by
 * the database's clock, in ms since 1970. `statement_timestamp()` may be later than the snapshot that the statement sees.
 */
export const snapshot = sql.raw(
  "(select current_epoch() as epoch, extract(epoch from transaction_timestamp())::float8 * 1000 as database_time offset 0) snapshot",
);

/** The columns that every row of a read for the cache has besides its content: two of `snapshot`, and the version of the row's aggregate. */
export type SnapshotColumns = { readonly epoch: string; readonly database_time: number; readonly aggregate_version: bigint };

/** The SQL text that selects the columns of `snapshot` (above), for a statement that has it in its FROM. */
export const snapshotColumns = sql.raw("snapshot.epoch, snapshot.database_time");
