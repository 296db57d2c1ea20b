import { sql } from "kysely";

/**
 * A table expression in SQL of one row: the epoch, and the time of the database in milliseconds since the epoch. For reads that
 * the cache keeps. The time is that of the transaction, not of the statement: the extended protocol takes the snapshot
 * when it binds and moves `statement_timestamp()` on when it executes, so that one would promise too much.
 */
export const snapshot = sql.raw(
  "(select current_epoch() as epoch, extract(epoch from transaction_timestamp())::float8 * 1000 as database_time offset 0) snapshot",
);

/** The columns that every row has when a read of the cache joins `snapshot`. */
export type SnapshotColumns = { readonly epoch: string; readonly database_time: number; readonly aggregate_version: bigint };

/** The columns of `snapshot` itself, as a list in SQL to select. */
export const snapshotColumns = sql.raw("snapshot.epoch, snapshot.database_time");
