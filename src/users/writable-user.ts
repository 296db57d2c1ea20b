import { sql } from "kysely";
import type { Tx } from "../db/transaction.ts";
import { type DomainError, failedPrecondition } from "../errors.ts";
import { userNotFound } from "./get-user.ts";

const userDeleted = () => failedPrecondition("USER_DELETED", "The user is deleted; it can be undeleted until it is purged.");

/**
 * Nothing of a deleted user can be written.
 * @throws FAILED_PRECONDITION USER_DELETED.
 */
export const requireLive = (deleteTime: Date | null): void => {
  if (deleteTime !== null) throw failedPrecondition("USER_DELETED", "The user is deleted; it can be undeleted until it is purged.");
};

/** The columns of a user that writes to what it owns need. */
export type WritableUser = { readonly id: bigint; readonly username: string; readonly email: string; readonly isManaged: boolean };

/**
 * The user whose belongings are written; its version is locked already, so that nothing can change it until the commit.
 * @throws NOT_FOUND USER_NOT_FOUND; FAILED_PRECONDITION USER_DELETED.
 */
export const writableUser = async (tx: Tx, id: bigint): Promise<WritableUser> => {
  const row = await tx.row(tx.sql.selectFrom("users").select(["username", "email", "is_managed", "delete_time"]).where("id", "=", id));
  if (!row) throw userNotFound();
  requireLive(row.delete_time);
  return { id, username: row.username, email: row.email, isManaged: row.is_managed };
};

/** The users that can't be written, with the reason, in one statement. */
export const unwritableUsers = async (tx: Tx, ids: readonly bigint[]): Promise<ReadonlyMap<bigint, DomainError>> => {
  const rows = await tx.rows(sql<{ id: bigint; is_known: boolean }>`
    select w.id, u.id is not null as is_known from unnest(${ids.map(String)}::bigint[]) as w (id)
    left join users u on u.id = w.id where u.id is null or u.delete_time is not null`);
  return new Map(rows.map(({ id, is_known }) => [id, is_known ? userDeleted() : userNotFound()]));
};
