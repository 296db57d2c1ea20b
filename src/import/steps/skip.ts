import { sql } from "kysely";
import { addGiven, isGiven, isLarge, type StagingTable, skips } from "../staging.ts";
import type { ImportTx } from "../transaction.ts";

/**
 * Deletes the rows `t` of a staging table for which the SQL condition `which` is true, and lists them as skipped with `reason`. `which`
 * becomes SQL text: it must not have values from the file.
 */
export const skip = async (tx: ImportTx, staging: StagingTable, reason: string, which: string): Promise<void> => {
  if (!isGiven(tx, staging)) return;
  const skipped =
    await tx.affected(sql`with gone as (delete from ${sql.raw(staging.name)} t where ${sql.raw(which)} returning model, record, pk)
    insert into ${sql.raw(skips.name)} (model, record, pk, reason) select model, record, pk, ${reason} from gone`);
  addGiven(tx, skips, skipped);
};

/** Tells whether a key comes twice, which is rare. Counting keys is cheaper than putting a million rows in order. */
const repeats = async (tx: ImportTx, { name }: StagingTable, key: string): Promise<boolean> =>
  (await tx.row(sql.raw(`select from ${name} where (${key}) is not null group by ${key} having count(*) > 1 limit 1`))) !== undefined;

/**
 * Skips, of the staged rows with the same key, all but the first one in `order`. `key` is the columns of the key, and `order` a sort order, both
 * in SQL.
 */
export const skipRepeated = async (tx: ImportTx, staging: StagingTable, reason: string, key: string, order: string): Promise<void> => {
  if (isLarge(tx) && !(await repeats(tx, staging, key))) return;
  await skip(
    tx,
    staging,
    reason,
    `t.ctid in (
    select place from (
      select ctid as place, row_number() over (partition by ${key} order by ${order}) as position from ${staging.name} where (${key}) is not null
    ) ranked where position > 1)`,
  );
};
