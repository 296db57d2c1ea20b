import { handleOf } from "../db/handles.ts";
import type { Tx } from "../db/transaction.ts";
import { notFound } from "../errors.ts";

/** An address of a user, as it is stored. */
export type StoredEmail = {
  readonly id: bigint;
  readonly email: string;
  readonly emailHandle: string;
  readonly isVerified: boolean;
  readonly dateAdded: Date;
};

/**
 * One address of a user, found without regard to case.
 * @throws NOT_FOUND EMAIL_NOT_FOUND.
 */
export const storedEmail = async (tx: Tx, userId: bigint, email: string): Promise<StoredEmail> => {
  const row = await tx.row(
    tx.sql
      .selectFrom("user_email")
      .select(["id", "email", "email_handle", "is_verified", "date_added"])
      .where("user_id", "=", userId)
      .where("email_handle", "=", handleOf(email)),
  );
  if (!row) throw notFound("EMAIL_NOT_FOUND", "The user does not have this address.");
  return { id: row.id, email: row.email, emailHandle: row.email_handle, isVerified: row.is_verified, dateAdded: row.date_added };
};
