import type { RemovedRecords } from "../kinds/records.ts";
import type { Aggregate } from "../versions/aggregate.ts";
import { numbersOf } from "./erasure/counts.ts";
import type { Eraser } from "./erasure/eraser.ts";
import type { Receipt } from "./erasure/receipts.ts";
import { countBesidesOptions, countScope, type ErasedScope, LATER } from "./erasure/rows.ts";
import type { PurgeTx } from "./purge-users.ts";
import { type Purgeable, purgeable } from "./remove-scopes.ts";

/**
 * Records that something that has no scopes is erased, and returns the receipt. Call it before anything is removed, under all locks; the caller passes
 * the receipt to `Eraser.sealed` before it commits. `records` were removed before the transaction.
 */
export const recordScope = async (
  tx: PurgeTx,
  erased: ErasedScope,
  eraser: Eraser,
  records: RemovedRecords,
): Promise<ReadonlyMap<bigint, Receipt>> => {
  const { counts, later } = await countScope(tx, erased);
  return eraser.record(tx, [{ ...erased, tables: numbersOf(counts, records), later }]);
};

/** The receipt of something that was removed, and the aggregates that have changed. */
type Removed = { readonly receipts: ReadonlyMap<bigint, Receipt>; readonly changed: readonly Aggregate[] };

/**
 * Removes an organization, a project or a team, whose aggregate has to be locked already, and records that: what is counted is locked before, or
 * counted as it is removed. The caller passes the receipt to `Eraser.sealed` before it commits.
 */
export const eraseScope = async (
  tx: PurgeTx,
  erased: ErasedScope & { readonly kind: Purgeable },
  eraser: Eraser,
  records: RemovedRecords,
): Promise<Removed> => {
  const { isLater, aggregates, removeOptions, removeRest } = await purgeable[erased.kind].lock(tx, erased.id);
  const counts = await countBesidesOptions(tx, erased);
  const options = Object.entries(await removeOptions()).filter(([, removed]) => removed > 0);
  const all = [...counts, ...options.map(([table, removed]) => ({ table, removed, cleared: 0 }))];
  const receipts = await eraser.record(tx, [{ ...erased, tables: numbersOf(all, records), later: isLater ? LATER : [] }]);
  await removeRest();
  return { receipts, changed: aggregates };
};
