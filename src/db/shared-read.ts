import DataLoader from "dataloader";
import { createSharedSignal } from "../cache/shared-signal.ts";
import type { Call } from "../call.ts";
import type { AbortOptions, Database } from "./orm.ts";

/** One of the reads that may share a statement. */
type Read = { readonly call: Call };

/** Most reads of one statement: enough to spread its cost, few enough that nobody waits for the rest of it. */
const MAX_BATCH = 100;

/** Aborts when the last of the calls has ended. */
const untilAllEnd = (reads: readonly Read[]): AbortSignal => {
  const { signal, join } = createSharedSignal();
  for (const { call } of reads) join(call.signal);
  return signal;
};

/**
 * Makes a read whose calls of one turn of the event loop share a statement. Nothing is kept: a statement is sent after the
 * reads that it answers have begun, so each of them is as strong as if it were alone.
 * @param readAll answers in the order of the reads.
 */
export const createSharedRead = <R extends Read, V>(
  db: Database,
  readAll: (reads: readonly R[], abort: AbortOptions) => Promise<readonly V[]>,
): ((read: R) => Promise<V>) => {
  const loader = new DataLoader<R, V>((reads) => readAll(reads, db.abort({ signal: untilAllEnd(reads) })), {
    cache: false,
    maxBatchSize: MAX_BATCH,
    // After the sockets of this turn have been read: what arrives together is read together.
    batchScheduleFn: (send) => void setImmediate(send),
  });
  return (read) => loader.load(read);
};
