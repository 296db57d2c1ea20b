import { type OwnPostgres, startPostgres } from "../support/postgres.ts";

/** Starts a PostgreSQL that keeps what it has acknowledged when it is ended at once; it is stopped with the stack. */
export const startDurablePostgres = async (stack: AsyncDisposableStack, under?: string): Promise<OwnPostgres> => {
  const postgres = await startPostgres({
    settings: ["synchronous_commit=on", "fsync=on", "full_page_writes=on", "min_wal_size=32MB", "max_wal_size=64MB"],
    onLog: () => {},
    ...(under !== undefined && { under }),
  });
  stack.defer(() => postgres.stop());
  return postgres;
};
