import { sql } from "kysely";
import type { Tx } from "../db/transaction.ts";
import { canonicalName } from "../names/canonical.ts";
import { acceptInvitations } from "../organizations/invitations.ts";
import { claimNames } from "../users/names.ts";

/**
 * Makes an address of a user verified; the user is locked. That it is verified for nobody else is a constraint.
 * @throws ALREADY_EXISTS EMAIL_TAKEN.
 */
export const markVerified = async (
  tx: Tx,
  userId: bigint,
  { id, email }: { readonly id: bigint; readonly email: string },
): Promise<void> => {
  await claimNames(tx, { userId, email });
  await tx.rows(sql`update user_email set is_verified = true where id = ${id}`);
  await acceptInvitations(tx, [{ userId, canonical: canonicalName(email) }]);
};
