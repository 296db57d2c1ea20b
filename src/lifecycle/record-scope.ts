import type { RemovedRecords } from "../kinds/records.ts";
import { numbersOf } from "./erasure/counts.ts";
import type { Eraser } from "./erasure/eraser.ts";
import type { Receipt } from "./erasure/receipts.ts";
import { countScope, type ErasedScope } from "./erasure/rows.ts";
import type { PurgeTx } from "./purge-users.ts";

/**
 * Records that something other than a user is erased, and returns the receipt. Call it before anything is removed, under all locks; the caller passes
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
