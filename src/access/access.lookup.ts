import { sql } from "kysely";
import type { Cache } from "../cache/cache.ts";
import type { Lookup } from "../cache/lookup.ts";
import { type Loaded, loadedOf } from "../cache/ports.ts";
import type { Database } from "../db/orm.ts";
import { type SnapshotColumns, snapshot, snapshotColumns } from "../db/snapshot.ts";
import { presentUser } from "../users/present.ts";
import { accountAggregate, userAggregate } from "../versions/aggregate.ts";
import type { AccessAccount, AccessUser } from "./policy.ts";

/** A cached lookup, by user id, of a user's rank and profiles, which decide the user's access. An unknown user has the rank `nobody`. */
export type AccessUsers = Lookup<bigint, AccessUser>;

/** A cached lookup, by account id, of the admins of an account, which decide what the account's users may read. Id 0 = the platform account. */
export type AccessAccounts = Lookup<bigint, AccessAccount>;

/** Makes the lookup of the ranks and profiles of users. One SQL statement loads any number of users. */
export const createAccessUsers = (cache: Cache, db: Database): AccessUsers => {
  type Row = SnapshotColumns & {
    readonly is_present: boolean;
    readonly is_staff: boolean | null;
    readonly is_superuser: boolean | null;
    /** Pairs of profile id and account id, as text: JSON has no numbers of their size. */
    readonly profiles: readonly (readonly [string, string])[];
  };
  const load = async (ids: readonly bigint[], signal: AbortSignal): Promise<Loaded<AccessUser>> => {
    const rows = await db.session({ signal, group: "cache access" }).rows(sql<Row>`
      select ${snapshotColumns}, coalesce(s.version, 0) as aggregate_version,
        coalesce(${presentUser("u")}, false) as is_present, u.is_staff, u.is_superuser,
        (select coalesce(json_agg(json_build_array(p.id::text, p.account_id::text) order by p.id), '[]')
          from user_profile p where p.user_id = w.id) as profiles
      from ${snapshot} cross join unnest(${ids.map(String)}::bigint[]) with ordinality as w (id, position)
      left join users u on u.id = w.id
      left join aggregate_version s on s.kind = 'user' and s.id = w.id
      order by w.position`);
    return loadedOf(rows, ({ is_present, is_staff, is_superuser, profiles, aggregate_version: version }) => ({
      standing: !is_present ? "nobody" : is_superuser ? "superuser" : is_staff ? "staff" : "regular",
      profiles: profiles.map(([profileId, accountId]) => ({ profileId: BigInt(profileId), accountId: BigInt(accountId) })),
      version,
    }));
  };
  return cache.lookup<bigint, AccessUser, AccessUser>(
    { name: "access_user", aggregateOf: userAggregate, partOf: () => "", load, mayBeStale: false },
    (user) => user,
  );
};

/** Makes the lookup of the admins of accounts. One SQL statement loads any number of accounts. */
export const createAccessAccounts = (cache: Cache, db: Database): AccessAccounts => {
  type Row = SnapshotColumns & { readonly account_id: bigint | null; readonly admins: readonly string[] };
  const load = async (ids: readonly bigint[], signal: AbortSignal): Promise<Loaded<AccessAccount>> => {
    const rows = await db.session({ signal, group: "cache access" }).rows(sql<Row>`
      select ${snapshotColumns}, coalesce(s.version, 0) as aggregate_version, a.id as account_id,
        (select coalesce(json_agg(p.id::text order by p.id), '[]')
          from user_profile p join users u on u.id = p.user_id and u.is_staff where p.account_id = a.id) as admins
      from ${snapshot} cross join unnest(${ids.map(String)}::bigint[]) with ordinality as w (id, position)
      left join lateral (
        select id from account where id = w.id
        union all
        select id from account where is_platform and w.id = 0
      ) a on true
      left join aggregate_version s on s.kind = 'account' and s.id = w.id
      order by w.position`);
    return loadedOf(rows, ({ account_id, admins, aggregate_version: version }) => ({
      id: account_id ?? 0n,
      admins: admins.map(BigInt),
      version,
    }));
  };
  return cache.lookup<bigint, AccessAccount, AccessAccount>(
    { name: "access_account", aggregateOf: accountAggregate, partOf: () => "", load, mayBeStale: false },
    (account) => account,
  );
};
