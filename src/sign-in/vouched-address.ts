import { randomBytes } from "node:crypto";
import { sql } from "kysely";
import type { Session } from "../db/session.ts";
import type { Tx } from "../db/write.ts";
import { canonicalName } from "../names/canonical.ts";
import { acceptInvitations } from "../organizations/invitations.ts";
import { newSessionNonce } from "../secrets/secret-token.ts";
import { endPasswordResets } from "../users/password-resets.ts";
import { userAggregate } from "../versions/aggregate.ts";

/** Makes a random username, which says nothing about its user, for a user who has to give up an address as its username. */
export const localUsername = (): string => `local-${randomBytes(8).toString("hex")}`;

/** Returns the id of the user who has the address as its username; undefined = nobody. */
export const bearerOf = async (session: Session, email: string): Promise<bigint | undefined> =>
  // The name of a user that was merged is one of the user that it was merged into.
  (
    await session.row(
      sql<{ id: bigint }>`select coalesce(merged_into_user_id, id) as id from users where username_canonical = ${canonicalName(email)}`,
    )
  )?.id;

/** Renames a user whose username is somebody else's address, and ends all sessions of that user. The user's version has to be locked already. */
export const renameRival = async (tx: Tx, id: bigint, username: string): Promise<void> => {
  await tx.rows(sql`
    update users set username = ${username}, username_canonical = ${canonicalName(username)}, session_nonce = ${newSessionNonce()}, version = version + 1
    where id = ${id}`);
  tx.touch(userAggregate(id));
};

/**
 * Hands a user over to the owner of the address `email`: verifies the address, and ends all sessions and tokens of the user, since somebody
 * else may have them. The version of the user has to be locked already.
 */
export const handOver = async (tx: Tx, id: bigint, email: string): Promise<void> => {
  const canonical = canonicalName(email);
  await tx.rows(sql`
    update user_email set is_verified = (is_verified or email_canonical = ${canonical}), verification_hash = null, verification_hash_time = null
    where user_id = ${id}`);
  await tx.rows(sql`update users set session_nonce = ${newSessionNonce()}, version = version + 1 where id = ${id}`);
  await endPasswordResets(tx, id);
  await acceptInvitations(tx, [{ userId: id, canonical }]);
};
