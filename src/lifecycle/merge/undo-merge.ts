import { sql } from "kysely";
import { touchAccounts } from "../../access/affected-aggregates.ts";
import type { Operation } from "../../call.ts";
import type { Tx } from "../../db/write.ts";
import { UserService } from "../../gen/userd/v1/user_service_pb.ts";
import { lockOwned, ownedKinds } from "../../kinds/owned.ts";
import { lockKinds } from "../../kinds/remove.ts";
import { newSessionNonce } from "../../secrets/secret-token.ts";
import { writtenUser } from "../../users/change-user.ts";
import type { UserDependencies } from "../../users/dependencies.ts";
import { requirePermission } from "../../users/privileges.ts";
import { userAggregate } from "../../versions/aggregate.ts";
import { dropNames } from "../purge-users.ts";
import { PROFILE_MADE } from "./continue-merges.ts";
import { type NotUndone, putChangedBack, putDiscardsBack, putMovesBack } from "./put-back.ts";
import { openMerge, type StoredMerge, storedMergeLocks } from "./stored-merge.ts";

const method = UserService.method.undoUserMerge;

/** The columns of kinds outside profiles by which rows have moved. */
const referencesOf = (tx: Tx, { id }: StoredMerge) =>
  tx.rows(sql<{ table_name: string; column_name: string }>`
    select distinct table_name, column_name from merge_move where merge_id = ${id} and column_name not in ('user_id', 'owner_profile_id', 'member_id')`);

/** Locks what MergeUsers locks beside users, accounts and organizations; returns the organizations whose kinds are locked. */
const lockRest = async (tx: Tx, merge: StoredMerge): Promise<readonly string[]> => {
  const moved = (await referencesOf(tx, merge)).map(
    ({ table_name, column_name }) => sql`
      select t.organization_id from merge_move m join ${sql.table(table_name)} t on t.id = m.row_id
      where m.merge_id = ${merge.id} and m.table_name = ${table_name} and m.column_name = ${column_name}`,
  );
  const kinds = moved.length === 0 ? [] : await lockKinds(tx, sql.join(moved, sql` union `));
  const profiles = await tx.rows(sql<{ id: bigint }>`
    select row_id as id from merge_discard where merge_id = ${merge.id} and table_name = 'user_profile'
    union select (after ->> 'heir')::bigint from merge_discard where merge_id = ${merge.id} and table_name = 'user_profile'
    union select from_id from merge_part where merge_id = ${merge.id} and table_name = 'user_profile'
    union select to_id from merge_part where merge_id = ${merge.id} and table_name = 'user_profile'`);
  const owned = await lockOwned(
    tx,
    profiles.map(({ id }) => id),
  );
  for (const aggregate of [...kinds, ...owned]) tx.touch(aggregate);
  return kinds.map(({ id }) => String(id));
};

/** Removes the profiles that were made for the target, unless they own something since. */
const dropHeirs = async (tx: Tx, { id }: StoredMerge): Promise<NotUndone[]> => {
  const heirs = await tx.rows(sql<{ heir: bigint }>`
    select (after ->> 'heir')::bigint as heir from merge_discard where merge_id = ${id} and table_name = 'user_profile' and side = 'equal'
    union all select to_id from merge_part where merge_id = ${id} and table_name = 'user_profile' and column_name = ${PROFILE_MADE}`);
  const owning = [sql.table("resource"), ...ownedKinds(tx.kinds).map(({ table }) => sql.table(table))].map(
    (table) => sql`exists (select from ${table} where owner_profile_id = p.id)`,
  );
  const gone = await tx.rows(sql<{ id: bigint }>`
    delete from user_profile p where id = any(${heirs.map(({ heir }) => String(heir))}::bigint[]) and not (${sql.join(owning, sql` or `)}) returning id`);
  const removed = new Set(gone.map((row) => row.id));
  return heirs
    .filter(({ heir }) => !removed.has(heir))
    .map(({ heir }) => ({ table: "user_profile", rowId: heir, cause: "The profile that took its place owns something since." }));
};

/** Makes the source a user of its own again, with what was merged into it before. */
const reopenSource = async (tx: Tx, { id, target }: StoredMerge, from: bigint): Promise<void> => {
  await tx.rows(sql`
    update users u set merged_into_user_id = null, delete_time = null, session_nonce = ${newSessionNonce()}, version = u.version + 1,
      email = coalesce((select d."row" ->> 'email' from merge_discard d where d.merge_id = ${id} and d.table_name = 'users'), '')
    where u.id = ${from}`);
  await tx.rows(sql`
    with recursive earlier as (
      select user_id from user_merge where target_user_id = ${from} and undo_time is null
      union select m.user_id from user_merge m join earlier e on m.target_user_id = e.user_id and m.undo_time is null
    )
    update users set merged_into_user_id = ${from}, version = version + 1
    where merged_into_user_id = ${target} and id in (select user_id from earlier)`);
  // The primary address has to be one of the user's: it may have stayed with the target.
  await tx.rows(sql`
    update users u set email = '' where id = ${from} and email <> '' and not exists (select from user_email e where e.user_id = u.id and e.email = u.email)`);
};

/** UndoUserMerge: puts both users of a merge back, as far as what was written since allows. */
export const undoUserMerge =
  ({ write }: UserDependencies): Operation<typeof method> =>
  (call, request) => {
    const { fromUserId: from } = request;
    const locks = storedMergeLocks(from);
    return write(call, { method, request, aggregates: locks }, async (tx) => {
      await requirePermission(tx, "users.admin");
      const merge = await openMerge(tx, from);
      tx.requireLocked(await locks(tx), "The users have changed");
      const locked = await lockRest(tx, merge);
      await dropNames(tx, [String(from), String(merge.target)]);
      const notUndone = [
        ...(await putChangedBack(tx, merge)),
        ...(await putDiscardsBack(tx, merge, ["source", "equal"])),
        ...(await putMovesBack(tx, merge, locked)),
        ...(await putDiscardsBack(tx, merge, ["target"])),
        ...(await dropHeirs(tx, merge)),
      ];
      await reopenSource(tx, merge, from);
      await tx.rows(sql`delete from merge_part where merge_id = ${merge.id}`);
      await tx.rows(sql`delete from merge_move where merge_id = ${merge.id}`);
      await tx.rows(sql`delete from merge_discard where merge_id = ${merge.id}`);
      await tx.rows(sql`update user_merge set undo_time = now(), close_time = now() where id = ${merge.id}`);
      tx.touch(userAggregate(from));
      await touchAccounts(tx, from);
      return { user: await writtenUser(tx, from), notUndone };
    });
  };
