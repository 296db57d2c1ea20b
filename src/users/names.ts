import { sql } from "kysely";
import { lockCanonicalNames } from "../db/canonical-names.ts";
import type { Tx } from "../db/write.ts";
import { alreadyExists } from "../errors.ts";
import { canonicalName } from "../names/canonical.ts";
import { externalCanonicalName } from "./external-id.ts";

/** The names that a write claims for a user or gives up. A username or email that is undefined or "" claims nothing. */
export type Names = {
  /** The user; undefined = one that is being created. */
  readonly userId?: bigint;
  readonly username?: string | undefined;
  readonly email?: string | undefined;
  /** External ids that the write claims or gives up. */
  readonly externalIds?: readonly string[];
  /** Names that the write gives up. */
  readonly dropped?: readonly string[];
};

/**
 * Checks that a new username is no other user's address, and a new address no other user's username. The canonical names have to be locked
 * already.
 * @throws ALREADY_EXISTS USERNAME_TAKEN or EMAIL_TAKEN.
 */
export const assertNamesFree = async (tx: Tx, { userId = 0n, username = "", email = "" }: Names): Promise<void> => {
  const taken = await tx.one(sql<{ username_taken: boolean; email_taken: boolean }>`select
    exists (select from user_email where email_canonical = ${canonicalName(username)} and user_id <> ${userId}) as username_taken,
    -- The name of a user that was merged is one of the user that it was merged into.
    exists (select from users where username_canonical = ${canonicalName(email)} and coalesce(merged_into_user_id, id) <> ${userId}) as email_taken`);
  if (taken.username_taken) throw alreadyExists("USERNAME_TAKEN", "The username is another user's address.");
  if (taken.email_taken) throw alreadyExists("EMAIL_TAKEN", "The address is another user's username.");
};

/**
 * Locks the names that a write claims or gives up, and checks the claimed names by `assertNamesFree`. A unique constraint of the database
 * keeps usernames different.
 * @throws ALREADY_EXISTS USERNAME_TAKEN or EMAIL_TAKEN.
 */
export const claimNames = async (tx: Tx, names: Names): Promise<void> => {
  const { username = "", email = "", externalIds = [], dropped = [] } = names;
  await lockCanonicalNames(tx, [username, email, ...dropped, ...externalIds.map(externalCanonicalName)]);
  await assertNamesFree(tx, names);
};
