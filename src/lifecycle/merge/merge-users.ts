import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import type { Call, Operation } from "../../call.ts";
import { OWNER_PROFILE_ID } from "../../contract/kinds/kind.ts";
import type { Database } from "../../db/orm.ts";
import type { Session } from "../../db/session.ts";
import type { Tx } from "../../db/write.ts";
import { conflict, invalidField } from "../../errors.ts";
import { UserService } from "../../gen/userd/v1/user_service_pb.ts";
import { lockOwned } from "../../kinds/owned.ts";
import { lockKinds } from "../../kinds/remove.ts";
import { newSessionNonce } from "../../secrets/secret-token.ts";
import { writtenUser } from "../../users/change-user.ts";
import type { UserDependencies } from "../../users/dependencies.ts";
import { requirePermission } from "../../users/privileges.ts";
import { userAggregate } from "../../versions/aggregate.ts";
import { dropNames } from "../purge-users.ts";
import { continueMerge, PROFILE_KEPT, PROFILE_MADE } from "./continue-merges.ts";
import { mergeLocks, requireMergeable } from "./mergeable.ts";
import { type MergePlan, planMerge } from "./plan.ts";
import { dropProfile, remakeProfile, takeRows } from "./take.ts";

const { method } = UserService;

/** @throws INVALID_ARGUMENT FIELD_INVALID. */
const requireTwo = (from: bigint, to: bigint): void => {
  if (from === to) throw invalidField("to_user_id", "must be another user than from_user_id");
};

/** PlanUserMerge: says what a merge would do. It reads one moment after the other: MergeUsers plans again under its locks. */
export const planUserMerge =
  ({ db, freshness, systemUser }: UserDependencies): Operation<typeof method.planUserMerge> =>
  async (call, request) => {
    const { fromUserId, toUserId, policy, consistency } = request;
    requireTwo(fromUserId, toUserId);
    await freshness.check(call, consistency);
    const session = db.session(call);
    await requireMergeable(session, systemUser, [fromUserId, toUserId]);
    return { plan: (await planMerge(session, fromUserId, toUserId, policy)).message };
  };

/** Locks the kinds that refer to the source, and then what the profiles of both own; returns the organizations of the former. */
const lockRest = async (tx: Tx, { pairs, profiles }: MergePlan): Promise<readonly string[]> => {
  const references = pairs.filter(({ isReference, count }) => isReference && count > 0);
  const organizations = references.map(
    ({ table, column, from }) => sql`select organization_id from ${sql.table(table)} where ${sql.ref(column)} = ${from}`,
  );
  const kinds = organizations.length === 0 ? [] : await lockKinds(tx, sql.join(organizations, sql` union `));
  const owned = await lockOwned(
    tx,
    profiles.flatMap(({ from, to }) => [from, ...(to === undefined ? [] : [to])]),
  );
  for (const aggregate of [...kinds, ...owned]) tx.touch(aggregate);
  return kinds.map(({ id }) => String(id));
};

/** Takes over when the source was last seen. The source keeps its row. */
const takeActivity = (tx: Session, from: bigint, to: bigint) =>
  tx.rows(sql`
    insert into user_activity as t (user_id, last_login, last_active) select ${to}, last_login, last_active from user_activity where user_id = ${from}
    on conflict (user_id) do update set last_login = greatest(t.last_login, excluded.last_login), last_active = greatest(t.last_active, excluded.last_active)`);

/** Makes the source, and what was merged into it before, names of the target. Its primary address is the target's now. */
const closeSource = async (tx: Session, mergeId: bigint, from: bigint, to: bigint): Promise<void> => {
  await tx.rows(sql`
    insert into merge_discard (merge_id, table_name, row_id, side, "row", after)
    select ${mergeId}, 'users', id, 'changed', jsonb_build_object('email', email), '{"email": ""}' from users where id = ${from}`);
  await tx.rows(sql`
    update users set email = '', delete_time = now(), purge_time = null, merged_into_user_id = ${to}, session_nonce = ${newSessionNonce()},
      version = version + 1 where id = ${from}`);
  await tx.rows(sql`update users set merged_into_user_id = ${to}, version = version + 1 where merged_into_user_id = ${from}`);
};

/** A merge that was begun. */
type Begun = { readonly id: bigint; readonly expireTime: Date };

/** Does what was planned. All locks but those of the kinds, of what profiles own and of names are held already. */
const perform = async (tx: Tx, plan: MergePlan, from: bigint, to: bigint, days: number): Promise<Begun> => {
  const locked = await lockRest(tx, plan);
  await dropNames(tx, [String(from)]);
  const { id, expire_time: expireTime } = await tx.one(sql<{ id: bigint; expire_time: Date }>`
    insert into user_merge (user_id, target_user_id, expire_time) values (${from}, ${to}, now() + make_interval(days => ${days}))
    returning id, expire_time`);
  const heirs = new Map<bigint, bigint>();
  for (const profile of plan.profiles) heirs.set(profile.from, profile.to ?? (await remakeProfile(tx, profile, to)));
  for (const pair of plan.pairs) await takeRows(tx, id, { ...pair, to: pair.to ?? heirs.get(pair.from) }, locked);
  const owning = new Set(plan.pairs.filter(({ isLater, column }) => isLater && column === OWNER_PROFILE_ID).map((pair) => pair.from));
  for (const profile of plan.profiles) {
    const heir = heirs.get(profile.from) ?? 0n;
    if (!owning.has(profile.from)) await dropProfile(tx, id, profile, heir);
    else
      await tx.rows(sql`
        insert into merge_part (merge_id, table_name, column_name, from_id, to_id)
        values (${id}, 'user_profile', ${profile.to === undefined ? PROFILE_MADE : PROFILE_KEPT}, ${profile.from}, ${heir})`);
  }
  await takeActivity(tx, from, to);
  await closeSource(tx, id, from, to);
  return { id, expireTime };
};

/** The time, in milliseconds, that a call leaves for its answer. */
const FOR_ANSWER_MS = 1_000;

/** Goes on with a large merge while the call has time. Returns false if it is not done then; the job that goes on with it tells of errors. */
const follow = async (db: Database, call: Call, id: bigint): Promise<boolean> => {
  const left = call.deadline - Date.now() - FOR_ANSWER_MS;
  if (left <= 0) return false;
  const stopped = AbortSignal.any([call.signal, AbortSignal.timeout(Math.min(left, 2 ** 31 - 1))]);
  return continueMerge(db, id, stopped).catch(() => false);
};

/** MergeUsers: does what PlanUserMerge has planned, or nothing. */
export const mergeUsers =
  ({ db, write, systemUser, purgeAfterDays }: UserDependencies): Operation<typeof method.mergeUsers> =>
  async (call, request) => {
    const { fromUserId: from, toUserId: to, policy, planEtag } = request;
    requireTwo(from, to);
    const locks = mergeLocks(from, to);
    let large: bigint | undefined;
    const merged = await write(call, { method: method.mergeUsers, request, aggregates: locks }, async (tx) => {
      await requirePermission(tx, "users.admin");
      await requireMergeable(tx, systemUser, [from, to]);
      tx.requireLocked(await locks(tx), "The users have changed");
      const plan = await planMerge(tx, from, to, policy);
      if (plan.message.etag !== planEtag)
        throw conflict("PLAN_OUTDATED", "The users have changed since the merge was planned: plan it again.");
      const { id, expireTime } = await perform(tx, plan, from, to, purgeAfterDays);
      const unfinished = plan.pairs.some(({ isLater }) => isLater);
      large = unfinished && !request.validateOnly ? id : undefined;
      tx.touch(userAggregate(from));
      return { user: await writtenUser(tx, to), plan: plan.message, undoExpireTime: timestampFromDate(expireTime), unfinished };
    });
    return large !== undefined && (await follow(db, call, large)) ? { ...merged, unfinished: false } : merged;
  };
