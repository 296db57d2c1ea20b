import type { Tx } from "../db/transaction.ts";
import { notFound } from "../errors.ts";
import { canonicalName } from "../names/canonical.ts";

/** An address of a user, as it is stored. */
export type StoredEmail = {
  readonly id: bigint;
  readonly email: string;
  readonly emailCanonical: string;
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
      .select(["id", "email", "email_canonical", "is_verified", "date_added"])
      .where("user_id", "=", userId)
      .where("email_canonical", "=", canonicalName(email)),
  );
  if (!row) throw notFound("EMAIL_NOT_FOUND", "The user does not have this address.");
  return { id: row.id, email: row.email, emailCanonical: row.email_canonical, isVerified: row.is_verified, dateAdded: row.date_added };
};
