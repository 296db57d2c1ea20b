import { sql } from "kysely";
import type { ImportTx } from "../transaction.ts";

/** Says which of a project's own models was taken for that of its users. */
export const nameUserModel = async (tx: ImportTx, model: string | undefined): Promise<void> => {
  if (model === undefined) return;
  await tx.rows(sql`insert into import_note (model, record, reason, about)
    values (${model}, 0, 'this model holds the users (--user-model names another one)', ${model})`);
};
