import { sql } from "kysely";
import type { ImportTx } from "../transaction.ts";

/** Notes in the report that the file's users are of `model`, one of a Django project that userd does not know; undefined = no note. */
export const nameUserModel = async (tx: ImportTx, model: string | undefined): Promise<void> => {
  if (model === undefined) return;
  await tx.rows(sql`insert into import_note (model, record, reason, about)
    values (${model}, 0, 'this model holds the users (--user-model names another one)', ${model})`);
};
