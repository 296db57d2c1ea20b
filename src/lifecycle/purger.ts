import { type RawBuilder, sql } from "kysely";
import type { Logger } from "pino";
import { PROFILE } from "../contract/kinds/kind.ts";
import { lockAggregates } from "../db/aggregates.ts";
import { inTransaction } from "../db/in-transaction.ts";
import type { Database } from "../db/orm.ts";
import type { Session } from "../db/session.ts";
import { largeBelow, removeExpiredRecords, removeRecordsBelow } from "../kinds/records.ts";
import type { SystemUser } from "../users/system-user.ts";
import { userAggregate } from "../versions/aggregate.ts";
import type { Eraser } from "./erasure/eraser.ts";
import { closeMerges } from "./merge/close-merges.ts";
import { continueMerges } from "./merge/continue-merges.ts";
import { purgeOrganizations } from "./organization-purger.ts";
import { mergedInto, profilesOf, purgeUsers } from "./purge-users.ts";

/**
 * The background job that removes users, organizations, projects, teams and resources of kinds when their grace period has ended, and records
 * that are kept no longer.
 */
export type Purger = {
  /** Runs one round now; returns the number of users that it removed. */
  readonly purge: () => Promise<number>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

/** The most users that one transaction removes: it never holds many locks, nor for long, and a crash loses that much work only. */
const BATCH = 50;
const INTERVAL_MS = 60_000;

/** The result of one batch: the number of users that were due, and the organizations that have no owner since. */
type Purged = { readonly users: number; readonly ownerless: readonly bigint[] };

/**
 * Locks the accounts that lose a member or a contact, and account 0 when one of them is the platform account. Other instances wait for
 * them, since a batch that goes on without one would have to wait for it out of order.
 */
const lockAccounts = (tx: Session, isDue: RawBuilder<unknown>) =>
  tx.rows(sql`
    with due as (select u.id from users u where ${isDue} order by u.purge_time, u.id limit ${BATCH}),
      left_by as (
        select account_id as id from user_profile where user_id in (select id from due)
        union
        select account_id from account_contact where user_id in (select id from due)
      )
    select from aggregate_version s where s.kind = 'account' and s.id in (
      select id from left_by union select 0 from account where is_platform and id in (select id from left_by)
    ) order by s.id for update of s`);

const dueUsers = (systemUser: SystemUser) => sql`
  u.purge_time <= now() and u.username_canonical <> ${systemUser.canonical} and not exists (select from user_hold h where h.user_id = u.id)`;

/** Removes the records of the profiles of the first batch, which may be too many for the transaction that removes the users. */
const removeRecords = async (db: Database, isDue: RawBuilder<unknown>, stopped: AbortSignal): Promise<void> => {
  if (largeBelow(db.kinds, PROFILE).length === 0) return;
  const due = await db.session().rows(sql<{ id: bigint }>`
    select u.id from users u where ${isDue} order by u.purge_time, u.id limit ${BATCH}`);
  const users = due.map(({ id }) => id);
  await removeRecordsBelow(db.session(), { name: PROFILE, ids: await profilesOf(db.session(), users) }, stopped);
};

/**
 * Removes one batch. It first locks the organizations and the users, as every write does. Those that are locked by others are left to the
 * next round: so several instances share the work.
 */
const purgeBatch = (db: Database, isDue: RawBuilder<unknown>, eraser: Eraser): Promise<Purged> =>
  inTransaction(db, "userd purger", async (tx) => {
    await lockAccounts(tx, isDue);
    await tx.rows(sql`
      select from aggregate_version s where s.kind = 'organization' and s.id in (
        select m.organization_id from organization_member m
        where m.user_id in (select u.id from users u where ${isDue} order by u.purge_time, u.id limit ${BATCH})
      ) order by s.id for update skip locked`);
    const locked = await tx.rows(sql<{ id: bigint }>`
      select s.id from users u join aggregate_version s on s.kind = 'user' and s.id = u.id
      where ${isDue} order by u.purge_time, u.id limit ${BATCH} for update of s skip locked`);
    if (locked.length === 0) return { users: 0, ownerless: [] };
    // Read again under the locks: a user may have been undeleted or held meanwhile.
    const due = await tx.rows(sql<{ id: bigint }>`
      select u.id from users u where u.id = any(${locked.map(({ id }) => String(id))}::bigint[]) and ${isDue}`);
    const targets = due.map(({ id }) => id);
    const merged = await mergedInto(tx, targets);
    await lockAggregates(tx, merged.map(userAggregate));
    const { ownerless, receipts } = await purgeUsers(tx, [...targets, ...merged], eraser);
    await eraser.sealed(receipts);
    return { users: due.length, ownerless };
  });

/** Removes the users that are due, batch after batch, until there is none; returns their number. */
export const purgeDue = async (db: Database, isDue: RawBuilder<unknown>, eraser: Eraser, log: Logger, stopped: AbortSignal) => {
  let users = 0;
  for (let batch = 1; batch > 0 && !stopped.aborted; users += batch) {
    await removeRecords(db, isDue, stopped);
    const purged = await purgeBatch(db, isDue, eraser);
    if (purged.ownerless.length > 0) log.warn({ organizations: purged.ownerless.map(String) }, "organizations have no owner any more");
    batch = purged.users;
  }
  return users;
};

/**
 * Starts the purger: until disposed, it removes once a minute everything whose grace period is over. Several processes share the work.
 * @param boundMs the staleness bound of the caches, in milliseconds.
 */
export const startPurger = (db: Database, systemUser: SystemUser, boundMs: number, log: Logger, eraser: Eraser): Purger => {
  let running: Promise<unknown> = Promise.resolve();
  const stopping = new AbortController();
  const { signal: stopped } = stopping;
  const purge = async (): Promise<number> => {
    const users = await purgeDue(db, dueUsers(systemUser), eraser, log, stopped);
    await continueMerges(db, stopped);
    await closeMerges(db);
    const removed = await purgeOrganizations(db, boundMs, eraser, stopped);
    const records = await removeExpiredRecords(db.session(), stopped);
    if (users + removed + records > 0) log.info({ users, others: removed, records }, "purged");
    return users;
  };
  const timer = setInterval(() => {
    running = running.then(purge).catch((error: unknown) => log.warn({ err: error }, "purge failed; the next one tries again"));
  }, INTERVAL_MS);
  timer.unref();
  return {
    purge,
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      clearInterval(timer);
      await running;
    },
  };
};
