import { sql } from "kysely";
import { flagAggregates } from "../../access/affected-aggregates.ts";
import type { Session } from "../../db/session.ts";
import type { LookUpLocks } from "../../db/write.ts";
import { failedPrecondition } from "../../errors.ts";
import { userNotFound } from "../../users/get-user.ts";
import type { SystemUser } from "../../users/system-user.ts";
import { requireLive, requireUnmerged } from "../../users/writable-user.ts";
import { type Aggregate, organizationAggregate, userAggregate } from "../../versions/aggregate.ts";
import { requireNotHeld } from "../holds.ts";

/**
 * Checks that both users of a merge can be merged.
 * @throws NOT_FOUND USER_NOT_FOUND; FAILED_PRECONDITION SYSTEM_USER, USER_MERGED, USER_DELETED, USER_HELD, MERGE_UNFINISHED.
 */
export const requireMergeable = async (session: Session, systemUser: SystemUser, ids: readonly bigint[]): Promise<void> => {
  const rows = await session.rows(sql<{ username: string; delete_time: Date | null; merged_into_user_id: bigint | null }>`
    select username, delete_time, merged_into_user_id from users where id = any(${ids.map(String)}::bigint[]) order by id`);
  if (rows.length < ids.length) throw userNotFound();
  for (const { username, delete_time: deleteTime, merged_into_user_id: mergedInto } of rows) {
    systemUser.refuse(username);
    requireUnmerged(mergedInto);
    requireLive(deleteTime);
  }
  await requireNotHeld(session, ids);
  const unfinished = await session.row(sql`
    select from merge_part p join user_merge m on m.id = p.merge_id where m.target_user_id = any(${ids.map(String)}::bigint[]) limit 1`);
  if (unfinished !== undefined)
    throw failedPrecondition("MERGE_UNFINISHED", "A large merge into the user is still being carried out: try again when it is done.");
};

/**
 * Makes the function that looks up what a merge of users, or its undoing, locks first: the users and those that were merged into them, with their
 * accounts, and their organizations.
 */
export const mergeLocks =
  (...users: readonly bigint[]): LookUpLocks =>
  async (session) => {
    const ids = users.map(String);
    const found: Aggregate[] = [];
    for (const id of users) found.push(...(await flagAggregates(id)(session)));
    const organizations = await session.rows(sql<{ id: bigint }>`
      select distinct organization_id as id from organization_member where user_id = any(${ids}::bigint[])`);
    const merged = await session.rows(sql<{ id: bigint }>`
      select id from users where merged_into_user_id = any(${ids}::bigint[]) and id <> all(${ids}::bigint[])`);
    found.push(...organizations.map(({ id }) => organizationAggregate(id)), ...merged.map(({ id }) => userAggregate(id)));
    return [...new Map(found.map((one) => [`${one.kind}/${one.id}`, one])).values()];
  };
