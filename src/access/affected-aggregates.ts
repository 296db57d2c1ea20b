import { sql } from "kysely";
import type { Session } from "../db/session.ts";
import type { LookUpLocks, Tx } from "../db/write.ts";
import { type Aggregate, accountAggregate, platformAggregate, userAggregate } from "../versions/aggregate.ts";

/** Returns the accounts of a user, and account 0 when one of them is the platform account. */
const accountsOf = async (session: Session, userId: bigint): Promise<Aggregate[]> => {
  const rows = await session.rows(sql<{ id: bigint }>`
    select account_id as id from user_profile where user_id = ${userId}
    union
    select account_id from account_contact where user_id = ${userId}
    union
    select 0 from user_profile p join account a on a.id = p.account_id and a.is_platform where p.user_id = ${userId}`);
  return rows.map(({ id }) => accountAggregate(id));
};

/**
 * Makes the function that looks up the aggregates to lock before a user's name, rank or state changes, or the user is removed: the user, and the
 * accounts in which the user is a member or a contact. Without these locks, the triggers that raise the aggregates' versions could deadlock.
 */
export const flagAggregates =
  (userId: bigint): LookUpLocks =>
  async (session) => [userAggregate(userId), ...(await accountsOf(session, userId))];

/** Adds a user's accounts to the consistency token of a write. The user has to be locked already, so that these accounts can't change. */
export const touchAccounts = async (tx: Tx, userId: bigint): Promise<void> => {
  for (const aggregate of await accountsOf(tx, userId)) tx.touch(aggregate);
};

/** Returns the aggregates whose versions rise when accounts get or lose members: the accounts, and for the platform account also account 0. */
export const memberAggregates = async (session: Session, ...accountIds: readonly bigint[]): Promise<readonly Aggregate[]> => {
  const rows = await session.rows(sql`select from account where id = any(${accountIds.map(String)}::bigint[]) and is_platform`);
  return [...(rows.length > 0 ? [platformAggregate] : []), ...accountIds.map(accountAggregate)];
};

/**
 * Returns the aggregates whose versions rise when profiles change: the users and the accounts of the profiles, and for the platform account also
 * account 0. The result stays valid, since no profile ever gets another user or account. An unknown profile adds no aggregate.
 */
export const profileAggregates = async (session: Session, profileIds: readonly bigint[]): Promise<readonly Aggregate[]> => {
  const rows = await session.rows(sql<{ user_id: bigint; account_id: bigint; is_platform: boolean }>`
    select p.user_id, p.account_id, a.is_platform from user_profile p join account a on a.id = p.account_id
    where p.id = any(${profileIds.map(String)}::bigint[])`);
  const [users, accounts] = [new Set(rows.map(({ user_id }) => user_id)), new Set(rows.map(({ account_id }) => account_id))];
  const platform = rows.some(({ is_platform }) => is_platform) ? [platformAggregate] : [];
  return [...platform, ...[...accounts].map(accountAggregate), ...[...users].map(userAggregate)];
};
