import { sql } from "kysely";
import type { Tx } from "../db/transaction.ts";

/** The time for which a reset token is valid, in hours. */
export const RESET_HOURS = 1;
/** The most reset tokens that a user has; a further one ends the oldest. */
export const MAX_RESETS = 3;

/** Ends all reset tokens of a user. */
export const endPasswordResets = async (tx: Tx, userId: bigint): Promise<void> => {
  await tx.rows(sql`delete from password_reset where user_id = ${userId}`);
};
