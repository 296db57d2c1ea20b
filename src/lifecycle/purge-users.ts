import { sql } from "kysely";
import { flagAggregates, touchAccounts } from "../access/affected-aggregates.ts";
import type { Operation } from "../call.ts";
import { PROFILE } from "../contract/kinds/kind.ts";
import { sqlNameDigest } from "../db/canonical-names.ts";
import { eraseAnswers } from "../db/idempotency.ts";
import type { Session } from "../db/session.ts";
import type { LookUpLocks, Tx } from "../db/write.ts";
import { failedPrecondition } from "../errors.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { dropOwned, lockOwned } from "../kinds/owned.ts";
import { type RemovedRecords, removeRecordsFirst } from "../kinds/records.ts";
import { dropReferences, lockReferences } from "../kinds/remove.ts";
import { OWNER, owners } from "../organizations/owners.ts";
import { userNotFound } from "../users/get-user.ts";
import { requirePermission } from "../users/privileges.ts";
import { requireUnmerged } from "../users/writable-user.ts";
import { digestAggregate, organizationAggregate, userAggregate, type VersionedAggregate } from "../versions/aggregate.ts";
import type { LifecycleDependencies } from "./dependencies.ts";
import { countRows, numbersOf } from "./erasure/counts.ts";
import type { Eraser } from "./erasure/eraser.ts";
import { type Receipt, toReceipt } from "./erasure/receipts.ts";
import { requireNotHeld } from "./holds.ts";
import { removeRows } from "./owned-tables.ts";

const method = UserService.method.purgeUser;

/** A transaction that purges users. That of the background job has no `touch`, which adds an aggregate to a consistency token. */
export type PurgeTx = Session & Partial<Pick<Tx, "touch">>;

/** The canonical names of users. */
const namesOf = (ids: readonly string[]) => sql`
      select username_canonical as name from users where id = any(${ids}::bigint[])
      union
      select email_canonical from user_email where user_id = any(${ids}::bigint[])
      union
      -- As externalCanonicalName makes it.
      select 'external:' || encode(sha256(convert_to(external_id, 'UTF8')), 'hex') from users where id = any(${ids}::bigint[]) and external_id is not null`;

/** Locks the names of users in ascending order, and raises and returns their versions, as every write that drops a name does. */
export const dropNames = async (tx: PurgeTx, ids: readonly string[]): Promise<readonly VersionedAggregate[]> => {
  const rows = await tx.rows(sql<{ digest: string; version: bigint }>`
    insert into name_version as v (digest, version)
    select ${sqlNameDigest(sql.ref("name"))}, 1 from (${namesOf(ids)}) dropped order by name
    on conflict (digest) do update set version = v.version + 1
    returning v.digest, v.version`);
  const names = rows.map(({ digest, version }) => ({ ...digestAggregate(digest), version }));
  for (const name of names) tx.touch?.(name);
  return names;
};

/** Returns the organizations that would have no owner left who is present. */
export const leftWithoutOwner = async (tx: Session, ids: readonly string[]): Promise<bigint[]> => {
  const rows = await tx.rows(sql<{ organization_id: bigint }>`
    select distinct o.organization_id from organization_member o
    where o.user_id = any(${ids}::bigint[]) and o.role = ${sql.lit(OWNER)}
      and not exists (${owners(sql`o.organization_id`)} and m.user_id <> all(${ids}::bigint[]))
    order by 1`);
  return rows.map(({ organization_id }) => organization_id);
};

/** Returns the ids of the users, ascending, that were merged into any of these. */
export const mergedInto = async (session: Session, users: readonly bigint[]): Promise<readonly bigint[]> => {
  const rows = await session.rows(sql<{ id: bigint }>`
    select id from users where merged_into_user_id = any(${users.map(String)}::bigint[]) order by id`);
  return rows.map(({ id }) => id);
};

/** Returns the ids of the profiles of users. */
export const profilesOf = async (session: Session, users: readonly bigint[]): Promise<readonly bigint[]> => {
  const rows = await session.rows(sql<{ id: bigint }>`select id from user_profile where user_id = any(${users.map(String)}::bigint[])`);
  return rows.map(({ id }) => id);
};

/** What a purge of users has done: the organizations that are left without a present owner, and a receipt for each user. */
type Purged = { readonly ownerless: readonly bigint[]; readonly receipts: ReadonlyMap<bigint, Receipt> };

/**
 * Removes users and all that belongs to them. The aggregates of the users, of their accounts and of their organizations have to be locked already.
 * The change log keeps the users' ids, which are never used again, but nothing that tells who the users were. The caller passes the receipts to
 * `Eraser.sealed` before it commits. `records` of the first user were removed before.
 */
export const purgeUsers = async (tx: PurgeTx, users: readonly bigint[], eraser: Eraser, records?: RemovedRecords): Promise<Purged> => {
  const ids = users.map(String);
  const ownerless = await leftWithoutOwner(tx, ids);
  // Before anything is counted, so that nothing comes in between.
  const kinds = await lockReferences(tx, "user", ids);
  await lockOwned(tx, await profilesOf(tx, users));
  const counts = await countRows(tx, users, true);
  const receipts = await eraser.record(
    tx,
    users.map((id, index) => ({ kind: "user", id, tables: numbersOf(counts.get(id) ?? [], index === 0 ? records : undefined), later: [] })),
  );
  await dropReferences(tx, "user", ids, kinds);
  for (const aggregate of kinds) tx.touch?.(aggregate);
  const owned = await dropOwned(tx, await profilesOf(tx, users));
  for (const aggregate of owned) tx.touch?.(aggregate);
  const names = await dropNames(tx, ids);
  // What a version before has left there in clear.
  await tx.rows(sql`delete from canonical_name where name in (${namesOf(ids)})`);
  await removeRows(tx, "users", users);
  await eraseAnswers(tx, [...users.map(userAggregate), ...owned, ...names]);
  return { ownerless, receipts };
};

/** PurgeUser: removes a user, deleted or not, at once and for good, with all that belongs to it and the users that were merged into it. */
export const purgeUser =
  ({ db, write, systemUser, eraser }: LifecycleDependencies): Operation<typeof method> =>
  async (call, request) => {
    const { id, allowOwnerless } = request;
    const aggregates: LookUpLocks = async (session) => {
      const memberships = session.sql.selectFrom("organization_member").select("organization_id").where("user_id", "=", id);
      const left = (await session.rows(memberships)).map(({ organization_id }) => organizationAggregate(organization_id));
      return [...(await flagAggregates(id)(session)), ...left, ...(await mergedInto(session, [id])).map(userAggregate)];
    };
    const plan = { method, request, aggregates };
    const removable = async (tx: Tx): Promise<void> => {
      await requirePermission(tx, "users.admin");
      const row = await tx.row(tx.sql.selectFrom("users").select(["username", "merged_into_user_id"]).where("id", "=", id));
      if (!row) throw userNotFound();
      systemUser.refuse(row.username);
      requireUnmerged(row.merged_into_user_id);
      await requireNotHeld(tx, [id]);
      if (!allowOwnerless && (await leftWithoutOwner(tx, [String(id)])).length > 0)
        throw failedPrecondition("LAST_OWNER", "The user is the last owner of an organization: allow_ownerless purges it all the same.");
    };
    const profiles = { name: PROFILE, ids: await profilesOf(db.session(call), [id]) };
    const records = await removeRecordsFirst({ db, write }, call, profiles, plan, removable);
    return write(call, plan, async (tx) => {
      await removable(tx);
      await touchAccounts(tx, id);
      const { ownerless, receipts } = await purgeUsers(tx, [id, ...(await mergedInto(tx, [id]))], eraser, records);
      if (!request.validateOnly) await eraser.sealed(receipts);
      const receipt = receipts.get(id);
      return { ownerlessOrganizationIds: [...ownerless], ...(receipt && { receipt: toReceipt(receipt) }) };
    });
  };
