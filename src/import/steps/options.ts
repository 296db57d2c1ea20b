import { sql } from "kysely";
import { options } from "../readers/sentry-useroption.ts";
import { isGiven } from "../staging.ts";
import type { ImportTx } from "../transaction.ts";
import { replaceIdsInValues } from "./ids-in-values.ts";
import { resolveScopes, resolveUsers, skipOfJoined } from "./references.ts";
import { assignIds, insertRows, matchRows, sameKey, updateRows } from "./rows.ts";
import { skipRepeated } from "./skip.ts";
import type { Target } from "./target.ts";

const target: Target = {
  staging: options,
  key: ["user_id", "scope_kind", "scope_id", "key"],
  columns: { value: "null" },
  stamps: { version: "t.version + 1", update_time: "now()", expire_time: "null" },
};

/**
 * Writes the options of users. If the file has several rows for one option, as old databases of Sentry allowed, the row with the highest pk
 * is written.
 */
export const mergeOptions = async (tx: ImportTx): Promise<void> => {
  if (!isGiven(tx, options)) return;
  await resolveUsers(tx, options);
  await resolveScopes(tx, options);
  await replaceIdsInValues(tx, options);
  await skipOfJoined(
    tx,
    options,
    "its user joined an account here, which has another value of the option",
    `exists (select from user_option x where ${target.key.map((column) => `x.${column} = t.${column}`).join(" and ")} and x.value <> t.value)`,
  );
  await skipRepeated(tx, options, "the option has several rows: the highest pk stands", target.key.join(", "), "pk desc");
  await matchRows(tx, target, sameKey(target));
  // An option past its time reads as absent: it is set anew.
  await tx.rows(sql`update import_option s set outcome = 'updated' from user_option t
    where t.id = s.id and s.outcome is not null and t.expire_time <= now()`);
  await assignIds(tx, target);
  await updateRows(tx, target);
  await insertRows(tx, target);
};
