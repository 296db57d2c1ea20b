import { sql } from "kysely";
import type { ImportTx } from "../transaction.ts";

/** Notes in the report which of the project's own models was taken for the model of its users. Without `model` it does nothing. */
export const nameUserModel = async (tx: ImportTx, model: string | undefined): Promise<void> => {
  if (model === undefined) return;
  await tx.rows(sql`insert into import_note (model, record, reason, about)
    values (${model}, 0, 'this model holds the users (--user-model names another one)', ${model})`);
};
