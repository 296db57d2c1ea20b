import { type Selectable, sql } from "kysely";
import { compiled, place } from "../db/compiled.ts";
import type { Tx } from "../db/write.ts";
import { type DomainError, failedPrecondition } from "../errors.ts";
import type { Schema } from "../schema/entities.ts";
import { userNotFound } from "./get-user.ts";

const userDeleted = () => failedPrecondition("USER_DELETED", "The user is deleted; it can be undeleted until it is purged.");

/** Checks that a delete_time is null: nothing of a deleted user can be written. Throws FAILED_PRECONDITION USER_DELETED. */
export const requireLive = (deleteTime: Date | null): void => {
  if (deleteTime !== null) throw failedPrecondition("USER_DELETED", "The user is deleted; it can be undeleted until it is purged.");
};

/**
 * Checks that a user was not merged into another one: then only the merge can be undone. Throws FAILED_PRECONDITION USER_MERGED.
 */
export const requireUnmerged = (mergedInto: bigint | null): void => {
  if (mergedInto === null) return;
  throw failedPrecondition("USER_MERGED", "The user was merged into another one.", {
    metadata: { merged_into_user_id: String(mergedInto) },
  });
};

/** The columns of a user that are needed by writes to its belongings, such as its addresses, authenticators and identities. */
export type WritableUser = { readonly id: bigint; readonly username: string; readonly email: string; readonly isManaged: boolean };

const readWritable = compiled(
  sql<Pick<Selectable<Schema["users"]>, "username" | "email" | "is_managed" | "delete_time">>`
    select username, email, is_managed, delete_time from users where id = ${place("id")}`,
);

/**
 * Reads the user to whose belongings, such as addresses, a call is going to write. The user has to be locked already.
 * @throws NOT_FOUND USER_NOT_FOUND; FAILED_PRECONDITION USER_DELETED.
 */
export const writableUser = async (tx: Tx, id: bigint): Promise<WritableUser> => {
  const row = await tx.row(readWritable({ id }));
  if (!row) throw userNotFound();
  requireLive(row.delete_time);
  return { id, username: row.username, email: row.email, isManaged: row.is_managed };
};

/** Finds by one statement those of the given users who are unknown or deleted, and returns a map from id to error. */
export const unwritableUsers = async (tx: Tx, ids: readonly bigint[]): Promise<ReadonlyMap<bigint, DomainError>> => {
  const rows = await tx.rows(sql<{ id: bigint; is_known: boolean }>`
    select w.id, u.id is not null as is_known from unnest(${ids.map(String)}::bigint[]) as w (id)
    left join users u on u.id = w.id where u.id is null or u.delete_time is not null`);
  return new Map(rows.map(({ id, is_known }) => [id, is_known ? userDeleted() : userNotFound()]));
};
