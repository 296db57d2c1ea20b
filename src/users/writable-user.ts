import { sql } from "kysely";
import type { Tx } from "../db/transaction.ts";
import { type DomainError, failedPrecondition } from "../errors.ts";
import { userNotFound } from "./get-user.ts";

const userDeleted = () => failedPrecondition("USER_DELETED", "The user is deleted; it can be undeleted until it is purged.");

/**
 * Checks that a user is not deleted, since nothing of a deleted user can be written.
 * @throws FAILED_PRECONDITION USER_DELETED.
 */
export const requireLive = (deleteTime: Date | null): void => {
  if (deleteTime !== null) throw failedPrecondition("USER_DELETED", "The user is deleted; it can be undeleted until it is purged.");
};

/** The columns of a user that are needed by writes to what belongs to it, such as addresses, authenticators and identities. */
export type WritableUser = { readonly id: bigint; readonly username: string; readonly email: string; readonly isManaged: boolean };

/**
 * Reads the user to whose addresses, authenticators or other belongings a call writes, and refuses a deleted one. The version
 * of the user has to be locked already, so that nothing can change it until the commit.
 * @throws NOT_FOUND USER_NOT_FOUND; FAILED_PRECONDITION USER_DELETED.
 */
export const writableUser = async (tx: Tx, id: bigint): Promise<WritableUser> => {
  const row = await tx.row(tx.sql.selectFrom("users").select(["username", "email", "is_managed", "delete_time"]).where("id", "=", id));
  if (!row) throw userNotFound();
  requireLive(row.delete_time);
  return { id, username: row.username, email: row.email, isManaged: row.is_managed };
};

/** Finds those of the users that can't be written, in one statement, and returns a map from their ids to the reasons. */
export const unwritableUsers = async (tx: Tx, ids: readonly bigint[]): Promise<ReadonlyMap<bigint, DomainError>> => {
  const rows = await tx.rows(sql<{ id: bigint; is_known: boolean }>`
    select w.id, u.id is not null as is_known from unnest(${ids.map(String)}::bigint[]) as w (id)
    left join users u on u.id = w.id where u.id is null or u.delete_time is not null`);
  return new Map(rows.map(({ id, is_known }) => [id, is_known ? userDeleted() : userNotFound()]));
};
