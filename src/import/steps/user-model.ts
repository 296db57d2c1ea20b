import { sql } from "kysely";
import type { ImportTx } from "../transaction.ts";

/** Notes in the report that the users of the file are records of `model`, a Django project's own model. Does nothing if `model` is undefined. */
export const nameUserModel = async (tx: ImportTx, model: string | undefined): Promise<void> => {
  if (model === undefined) return;
  await tx.rows(sql`insert into import_note (model, record, reason, about)
    values (${model}, 0, 'this model holds the users (--user-model names another one)', ${model})`);
};
