import { sql } from "kysely";
import type { Call } from "../call.ts";
import type { AbortOptions, Database } from "../db/orm.ts";
import { createSharedRead } from "../db/shared-read.ts";
import type { AccessAccount, AccessUser } from "./policy.ts";

/** Reads what belongs to the subjects with these ids; the answer may hold more of them. */
type LoadByIds<V> = (call: Call, ids: readonly bigint[]) => Promise<ReadonlyMap<bigint, V>>;

/** What access depends on, by subject: each entry is made of the rows of one subject and stands at its version. */
export type AccessLoader = {
  /** Subjects of the kind user. Whoever is unknown is nobody, at version 0. */
  readonly users: LoadByIds<AccessUser>;
  /** Subjects of the kind account; 0 is the platform account, whichever it is. */
  readonly accounts: LoadByIds<AccessAccount>;
};

type UserRow = {
  readonly id: bigint;
  readonly is_present: boolean;
  readonly is_staff: boolean | null;
  readonly is_superuser: boolean | null;
  readonly version: bigint;
  /** Ids of profile and account, as text: JSON has no numbers of their size. */
  readonly profiles: readonly (readonly [string, string])[];
};

const toUser = ({ is_present, is_staff, is_superuser, version, profiles }: UserRow): AccessUser => ({
  standing: !is_present ? "nobody" : is_superuser ? "superuser" : is_staff ? "staff" : "regular",
  profiles: profiles.map(([profileId, accountId]) => ({ profileId: BigInt(profileId), accountId: BigInt(accountId) })),
  version,
});

const loadUsers = async (db: Database, ids: readonly string[], abort: AbortOptions): Promise<Map<bigint, AccessUser>> => {
  const { rows } = await sql<UserRow>`
    select w.id, coalesce(u.is_active and not u.is_suspended and u.delete_time is null, false) as is_present,
      u.is_staff, u.is_superuser, coalesce(s.version, 0) as version,
      (select coalesce(json_agg(json_build_array(p.id::text, p.account_id::text) order by p.id), '[]')
        from user_profile p where p.user_id = w.id) as profiles
    from unnest(${ids}::bigint[]) as w (id)
    left join users u on u.id = w.id
    left join subject_version s on s.kind = 'user' and s.id = w.id`.execute(db.sql, abort);
  return new Map(rows.map((row) => [row.id, toUser(row)]));
};

type AccountRow = {
  readonly id: bigint;
  readonly account_id: bigint | null;
  readonly version: bigint;
  readonly admins: readonly string[];
};

const loadAccounts = async (db: Database, ids: readonly string[], abort: AbortOptions): Promise<Map<bigint, AccessAccount>> => {
  const { rows } = await sql<AccountRow>`
    select w.id, a.id as account_id, coalesce(s.version, 0) as version,
      (select coalesce(json_agg(p.id::text order by p.id), '[]')
        from user_profile p join users u on u.id = p.user_id and u.is_staff where p.account_id = a.id) as admins
    from unnest(${ids}::bigint[]) as w (id)
    left join lateral (
      select id from account where id = w.id
      union all
      select id from account where is_platform and w.id = 0
    ) a on true
    left join subject_version s on s.kind = 'account' and s.id = w.id`.execute(db.sql, abort);
  return new Map(rows.map(({ id, account_id, version, admins }) => [id, { id: account_id ?? 0n, admins: admins.map(BigInt), version }]));
};

const byIds = <V>(
  db: Database,
  load: (db: Database, ids: readonly string[], abort: AbortOptions) => Promise<Map<bigint, V>>,
): LoadByIds<V> => {
  type Read = { readonly call: Call; readonly ids: readonly bigint[] };
  const read = createSharedRead<Read, ReadonlyMap<bigint, V>>(db, async (reads, abort) => {
    const loaded = await load(db, [...new Set(reads.flatMap(({ ids }) => ids))].map(String), abort);
    return reads.map(() => loaded);
  });
  return (call, ids) => (ids.length === 0 ? Promise.resolve(new Map()) : read({ call, ids }));
};

/** Makes the loader; the reads of one turn of the event loop share a statement. */
export const createAccessLoader = (db: Database): AccessLoader => ({ users: byIds(db, loadUsers), accounts: byIds(db, loadAccounts) });
