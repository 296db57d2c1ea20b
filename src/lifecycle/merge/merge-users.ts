import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import type { Operation } from "../../call.ts";
import type { Session } from "../../db/session.ts";
import type { Tx } from "../../db/transaction.ts";
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

/** Does what was planned. All locks but those of the kinds, of what profiles own and of names are held already. */
const perform = async (tx: Tx, plan: MergePlan, from: bigint, to: bigint, days: number): Promise<Date> => {
  const locked = await lockRest(tx, plan);
  await dropNames(tx, [String(from)]);
  const { id, expire_time: expireTime } = await tx.one(sql<{ id: bigint; expire_time: Date }>`
    insert into user_merge (user_id, target_user_id, expire_time) values (${from}, ${to}, now() + make_interval(days => ${days}))
    returning id, expire_time`);
  const heirs = new Map<bigint, bigint>();
  for (const profile of plan.profiles) heirs.set(profile.from, profile.to ?? (await remakeProfile(tx, profile, to)));
  for (const pair of plan.pairs) await takeRows(tx, id, { ...pair, to: pair.to ?? heirs.get(pair.from) }, locked);
  for (const profile of plan.profiles) await dropProfile(tx, id, profile, heirs.get(profile.from) ?? 0n);
  await takeActivity(tx, from, to);
  await closeSource(tx, id, from, to);
  return expireTime;
};

/** MergeUsers: does what PlanUserMerge has planned, or nothing. */
export const mergeUsers =
  ({ write, systemUser, purgeAfterDays }: UserDependencies): Operation<typeof method.mergeUsers> =>
  (call, request) => {
    const { fromUserId: from, toUserId: to, policy, planEtag } = request;
    requireTwo(from, to);
    const locks = mergeLocks(from, to);
    return write(call, { method: method.mergeUsers, request, aggregates: locks }, async (tx) => {
      await requirePermission(tx, "users.admin");
      await requireMergeable(tx, systemUser, [from, to]);
      tx.requireLocked(await locks(tx), "The users have changed");
      const plan = await planMerge(tx, from, to, policy);
      if (plan.message.etag !== planEtag)
        throw conflict("PLAN_OUTDATED", "The users have changed since the merge was planned: plan it again.");
      const expireTime = await perform(tx, plan, from, to, purgeAfterDays);
      tx.touch(userAggregate(from));
      return { user: await writtenUser(tx, to), plan: plan.message, undoExpireTime: timestampFromDate(expireTime) };
    });
  };
