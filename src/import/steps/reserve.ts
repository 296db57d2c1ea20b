import { sql } from "kysely";
import { scopeOptions } from "../readers/scope-option-staging.ts";
import { isGiven } from "../staging.ts";
import { stagingTables } from "../summary.ts";
import type { ImportTx } from "../transaction.ts";

/** A number of ids that a service never draws while one statement runs. */
const MANY = 10_000;

/**
 * Advances the sequences of ids past the ids in the file, so that writes of the running service draw none of these ids. Does nothing in a dry
 * run, since a rollback does not move a sequence back.
 */
export const reserveIds = async (tx: ImportTx): Promise<void> => {
  if (tx.dryRun) return;
  for (const staging of stagingTables) {
    const { table } = staging;
    // Options of scopes get new ids, all of them.
    if (table === undefined || staging === scopeOptions || !isGiven(tx, staging)) continue;
    const sequence = `${table}_id_seq`;
    // Up to MANY ids are drawn one by one: setting the sequence could undo what the service draws meanwhile. An id that it drew before shows
    // as a conflict, or as a unique violation, after which the merge is repeated.
    await tx.rows(
      sql.raw(
        `select case when missing > ${MANY} then setval('${sequence}', id)
            else (select count(nextval('${sequence}')) from generate_series(1, missing)) end
          from (
            select staged.id, staged.id - s.last_value + (not s.is_called)::int as missing from (select greatest(max(pk), 0) as id from ${staging.name}) staged, ${sequence} s
          ) behind where missing > 0`,
      ),
    );
  }
};

/** Calls `reserveIds` before the import draws new ids. With `--on-conflict=fail`, does so only if the pk of a user is a stand-in. */
export const reserveForNew = async (tx: ImportTx): Promise<void> => {
  const rows = await tx.rows(sql`select from import_user where pk < 0 limit 1`);
  if (tx.onConflict !== "fail" || rows.length > 0) await reserveIds(tx);
};
