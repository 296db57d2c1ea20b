import { sql } from "kysely";
import { flagAggregates, touchAccounts } from "../access/affected-aggregates.ts";
import type { Operation } from "../call.ts";
import { PROFILE } from "../contract/kinds/kind.ts";
import type { Session } from "../db/session.ts";
import type { LookUpLocks, Tx } from "../db/transaction.ts";
import { UserService } from "../gen/userd/v1/user_service_pb.ts";
import { dropOwned } from "../kinds/owned.ts";
import { removeRecordsFirst } from "../kinds/records.ts";
import { dropReferences } from "../kinds/remove.ts";
import { OWNER, owners } from "../organizations/owners.ts";
import type { UserDependencies } from "../users/dependencies.ts";
import { userNotFound } from "../users/get-user.ts";
import { requirePermission } from "../users/privileges.ts";
import { canonicalNameAggregate, organizationAggregate } from "../versions/aggregate.ts";
import { removeRows } from "./owned-tables.ts";

const method = UserService.method.purgeUser;

/** A transaction that purges users. That of the background job has no `touch`, which adds an aggregate to a consistency token. */
export type PurgeTx = Session & Partial<Pick<Tx, "touch">>;

/** Locks the names that become free, in ascending order, and raises their versions, as every write that drops a name does. */
const dropNames = async (tx: PurgeTx, ids: readonly string[]): Promise<void> => {
  const rows = await tx.rows(sql<{ name: string; version: bigint }>`
    insert into canonical_name as h (name, version)
    select name, 1 from (
      select username_canonical as name from users where id = any(${ids}::bigint[])
      union
      select email_canonical from user_email where user_id = any(${ids}::bigint[])
      union
      -- As externalCanonicalName makes it.
      select 'external:' || encode(sha256(convert_to(external_id, 'UTF8')), 'hex') from users where id = any(${ids}::bigint[]) and external_id is not null
    ) dropped order by name
    on conflict (name) do update set version = h.version + 1
    returning h.name, h.version`);
  for (const { name, version } of rows) tx.touch?.({ ...canonicalNameAggregate(name), version });
};

/** Returns the organizations that would have no owner left who is present. */
const leftWithoutOwner = async (tx: PurgeTx, ids: readonly string[]): Promise<bigint[]> => {
  const rows = await tx.rows(sql<{ organization_id: bigint }>`
    select distinct o.organization_id from organization_member o
    where o.user_id = any(${ids}::bigint[]) and o.role = ${sql.lit(OWNER)}
      and not exists (${owners(sql`o.organization_id`)} and m.user_id <> all(${ids}::bigint[]))
    order by 1`);
  return rows.map(({ organization_id }) => organization_id);
};

/** Returns the ids of the profiles of users. */
export const profilesOf = async (session: Session, users: readonly bigint[]): Promise<readonly bigint[]> => {
  const rows = await session.rows(sql<{ id: bigint }>`select id from user_profile where user_id = any(${users.map(String)}::bigint[])`);
  return rows.map(({ id }) => id);
};

/**
 * Removes users and all that belongs to them, and returns the ids of organizations that are left without a present owner. The aggregates of the
 * users, of their accounts and of their organizations have to be locked already. The change log keeps the users' ids, which are never used
 * again, but nothing that tells who the users were.
 */
export const purgeUsers = async (tx: PurgeTx, users: readonly bigint[]): Promise<readonly bigint[]> => {
  const ids = users.map(String);
  const ownerless = await leftWithoutOwner(tx, ids);
  for (const aggregate of await dropReferences(tx, "user", ids)) tx.touch?.(aggregate);
  const owned = await dropOwned(tx, await profilesOf(tx, users));
  for (const aggregate of owned) tx.touch?.(aggregate);
  await dropNames(tx, ids);
  await removeRows(tx, "users", users);
  return ownerless;
};

/** PurgeUser: removes a user, deleted or not, at once and for good, with all that belongs to the user. */
export const purgeUser =
  ({ db, write, systemUser }: UserDependencies): Operation<typeof method> =>
  async (call, request) => {
    const { id } = request;
    const aggregates: LookUpLocks = async (session) => {
      const memberships = session.sql.selectFrom("organization_member").select("organization_id").where("user_id", "=", id);
      const left = (await session.rows(memberships)).map(({ organization_id }) => organizationAggregate(organization_id));
      return [...(await flagAggregates(id)(session)), ...left];
    };
    const plan = { method, request, aggregates };
    const removable = async (tx: Tx): Promise<void> => {
      await requirePermission(tx, "users.admin");
      const row = await tx.row(tx.sql.selectFrom("users").select("username").where("id", "=", id));
      if (!row) throw userNotFound();
      systemUser.refuse(row.username);
    };
    const profiles = { name: PROFILE, ids: await profilesOf(db.session(call), [id]) };
    await removeRecordsFirst({ db, write }, call, profiles, plan, removable);
    return write(call, plan, async (tx) => {
      await removable(tx);
      await touchAccounts(tx, id);
      return { ownerlessOrganizationIds: [...(await purgeUsers(tx, [id]))] };
    });
  };
