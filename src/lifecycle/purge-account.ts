import { sql } from "kysely";
import { memberAggregates } from "../access/affected-aggregates.ts";
import type { Operation } from "../call.ts";
import { PROFILE } from "../contract/kinds/kind.ts";
import { eraseAnswers } from "../db/idempotency.ts";
import type { Session } from "../db/session.ts";
import type { LookUpLocks, Tx } from "../db/write.ts";
import { ProfileService } from "../gen/userd/v1/profile_service_pb.ts";
import { dropOwned, lockOwned } from "../kinds/owned.ts";
import { removeRecordsFirst } from "../kinds/records.ts";
import { storedAccount } from "../profiles/accounts.ts";
import { requirePermission } from "../users/privileges.ts";
import { type Aggregate, accountAggregate, userAggregate } from "../versions/aggregate.ts";
import type { LifecycleDependencies } from "./dependencies.ts";
import { toReceipt } from "./erasure/receipts.ts";
import { removeRows } from "./owned-tables.ts";
import { recordScope } from "./record-scope.ts";

const method = ProfileService.method.purgeAccount;

/** Reads the profiles in an account, with their users. */
export const profilesIn = (session: Session, accountId: bigint) =>
  session.rows(sql<{ id: bigint; user_id: bigint }>`select id, user_id from user_profile where account_id = ${accountId} order by id`);

/** Makes the function that looks up the aggregates to lock before an account is removed. */
export const accountLocks =
  (id: bigint): LookUpLocks =>
  async (session) => [
    ...(await memberAggregates(session, id)),
    ...(await profilesIn(session, id)).map(({ user_id }) => userAggregate(user_id)),
  ];

/** Locks what an account and its profiles own, before it is counted. The aggregates of `accountLocks` have to be locked already. */
export const lockOwnings = async (tx: Session, id: bigint): Promise<void> => {
  await lockOwned(
    tx,
    (await profilesIn(tx, id)).map((profile) => profile.id),
  );
  await tx.rows(sql`select from user_profile where account_id = ${id} order by id for update`);
  await tx.rows(sql`select from account where id = ${id} for update`);
};

/** Removes an account with all that belongs to it. The aggregates of `accountLocks` have to be locked already. Returns others that were changed. */
export const removeAccount = async (tx: Session, id: bigint): Promise<readonly Aggregate[]> => {
  const profiles = (await profilesIn(tx, id)).map((profile) => profile.id);
  const owned = await dropOwned(tx, profiles);
  await removeRows(tx, "account", [id]);
  await eraseAnswers(tx, [accountAggregate(id), ...owned]);
  return owned;
};

/** PurgeAccount: removes an account at once and for good, with its profiles, what these own, and its contacts. Its users stay. */
export const purgeAccount =
  ({ db, write, eraser }: LifecycleDependencies): Operation<typeof method> =>
  async (call, request) => {
    const { id, validateOnly } = request;
    const locks = accountLocks(id);
    const plan = { method, request, aggregates: locks };
    const check = async (tx: Tx) => {
      await requirePermission(tx, "users.admin");
      await storedAccount(tx, id);
      tx.requireLocked(await locks(tx), "The account has got another profile, or another rank");
    };
    const before = (await profilesIn(db.session(call), id)).map((profile) => profile.id);
    const records = await removeRecordsFirst({ db, write }, call, { name: PROFILE, ids: before }, plan, check);
    return write(call, plan, async (tx) => {
      await check(tx);
      await lockOwnings(tx, id);
      const receipts = await recordScope(tx, { kind: "account", id }, eraser, records);
      for (const aggregate of await removeAccount(tx, id)) tx.touch(aggregate);
      if (!validateOnly) await eraser.sealed(receipts);
      const receipt = receipts.get(id);
      return receipt === undefined ? {} : { receipt: toReceipt(receipt) };
    });
  };
