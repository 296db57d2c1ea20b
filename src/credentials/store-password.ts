import { sql } from "kysely";
import type { Tx } from "../db/transaction.ts";
import { type DomainError, failedPrecondition } from "../errors.ts";
import { newSessionNonce } from "../secrets/secret-token.ts";
import { endPasswordResets } from "./password-reset.ts";

/** The error for a managed user, whose password is its identity provider's. */
export const passwordManaged = (): DomainError => failedPrecondition("USER_MANAGED", "The password of a managed user can't be changed.");

/**
 * Stores the hash of a new password, and ends all sessions and reset tokens. The hash is a bound parameter: the database's
 * log never shows it.
 */
export const storePassword = async (tx: Tx, userId: bigint, hash: string): Promise<void> => {
  await tx.rows(sql`
    update users set password = ${hash}, last_password_change = now(), is_password_expired = false,
      session_nonce = ${newSessionNonce()}, version = version + 1
    where id = ${userId}`);
  await endPasswordResets(tx, userId);
};
