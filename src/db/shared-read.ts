import DataLoader from "dataloader";
import type { Call } from "../call.ts";
import type { AbortOptions, Database } from "./orm.ts";

/** One of the reads that may share a statement. */
type Read = { readonly call: Call };

/** Most reads of one statement: enough to spread its cost, few enough that nobody waits for the rest of it. */
const MAX_BATCH = 100;

/** Aborts when the last of the calls has ended: one that is cancelled alone must not take the others along. */
const untilAllEnd = (reads: readonly Read[]): AbortSignal => {
  const [first, ...others] = reads;
  if (first !== undefined && others.length === 0) return first.call.signal;
  const controller = new AbortController();
  let waiting = reads.length;
  const end = () => {
    waiting -= 1;
    if (waiting === 0) controller.abort();
  };
  for (const { call } of reads) {
    if (call.signal.aborted) end();
    else call.signal.addEventListener("abort", end, { once: true });
  }
  return controller.signal;
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
