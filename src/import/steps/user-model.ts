import { sql } from "kysely";
import type { ImportTx } from "../transaction.ts";

/** Adds a note to the report that `model`, a Django project's own model, holds the users of the file. Does nothing if `model` is undefined. */
export const nameUserModel = async (tx: ImportTx, model: string | undefined): Promise<void> => {
  if (model === undefined) return;
  await tx.rows(sql`insert into import_note (model, record, reason, about)
    values (${model}, 0, 'this model holds the users (--user-model names another one)', ${model})`);
};
