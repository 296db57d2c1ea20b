import { sql } from "kysely";
import type { Session } from "../../db/session.ts";
import type { LookUpLocks } from "../../db/write.ts";
import { failedPrecondition, notFound } from "../../errors.ts";
import { requireLive, requireUnmerged } from "../../users/writable-user.ts";
import { requireNotHeld } from "../holds.ts";
import { mergeLocks } from "./mergeable.ts";

/** A merge that stands. */
export type StoredMerge = { readonly id: bigint; readonly target: bigint; readonly is_over: boolean };

/** Finds the merge of a source; undefined = the user was not merged, or the merge was undone. */
const findMerge = (session: Session, from: bigint): Promise<StoredMerge | undefined> =>
  session.row(sql<StoredMerge>`
    select id, target_user_id as target, expire_time <= now() or close_time is not null as is_over
    from user_merge where user_id = ${from} and undo_time is null`);

/** Reads the merge of a source. Throws NOT_FOUND MERGE_NOT_FOUND. */
export const storedMerge = async (session: Session, from: bigint): Promise<StoredMerge> => {
  const merge = await findMerge(session, from);
  if (merge === undefined) throw notFound("MERGE_NOT_FOUND", "The user was not merged into another one, or the merge was undone.");
  return merge;
};

/**
 * Reads a merge that can be undone, or whose discards can be restored.
 * @throws NOT_FOUND MERGE_NOT_FOUND; FAILED_PRECONDITION MERGE_EXPIRED; USER_MERGED, USER_DELETED of the target; USER_HELD of either.
 */
export const openMerge = async (session: Session, from: bigint): Promise<StoredMerge> => {
  const merge = await storedMerge(session, from);
  if (merge.is_over) throw failedPrecondition("MERGE_EXPIRED", "The grace period of the merge is over.");
  const target = await session.one(sql<{ delete_time: Date | null; merged_into_user_id: bigint | null }>`
    select delete_time, merged_into_user_id from users where id = ${merge.target}`);
  requireUnmerged(target.merged_into_user_id);
  requireLive(target.delete_time);
  await requireNotHeld(session, [from, merge.target]);
  return merge;
};

/** Makes the function that looks up what a write to the merge of a source locks first. */
export const storedMergeLocks =
  (from: bigint): LookUpLocks =>
  async (session) => {
    const merge = await findMerge(session, from);
    return mergeLocks(from, ...(merge === undefined ? [] : [merge.target]))(session);
  };
