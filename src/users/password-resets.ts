import { sql } from "kysely";
import type { Tx } from "../db/write.ts";

/** Deletes all reset tokens of a user. */
export const endPasswordResets = async (tx: Tx, userId: bigint): Promise<void> => {
  await tx.rows(sql`delete from password_reset where user_id = ${userId}`);
};
