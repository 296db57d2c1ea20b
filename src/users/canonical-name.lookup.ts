import { type SqlBool, sql } from "kysely";
import type { Cache } from "../cache/cache.ts";
import type { Lookup } from "../cache/lookup.ts";
import { type Loaded, type LoadedTogether, loadedOf } from "../cache/ports.ts";
import { sqlNameDigest } from "../db/canonical-names.ts";
import type { Database } from "../db/orm.ts";
import { type SnapshotColumns, snapshot, snapshotColumns } from "../db/snapshot.ts";
import { canonicalNameAggregate } from "../versions/aggregate.ts";
import { encodeKey } from "../versions/key.ts";
import type { BasicUsersLoadedTogether, UsersLoadedTogether } from "./user.lookup.ts";
import { type CachedUserRow, cachedColumnsWhere, selectBasicUsers } from "./user.select.ts";

/** The key of the lookup `CanonicalNames`: a canonical name, and whether to look for it as a username, an address or an external id. */
export type NameKey = {
  readonly canonical: string;
  readonly by: "username" | "email" | "externalId";
  /** The external id itself, with which the database compares; undefined for usernames and addresses. */
  readonly externalId?: string;
  /** Tells whether a name that the cache misses is loaded together with its users in the full view, or in the basic one. */
  readonly isFull: boolean;
};

type Holder = readonly [userId: string, isVerified: boolean];

/** The cached content of a canonical name: the users who have it. */
type Content = readonly Holder[];

/** The users who have a canonical name, deleted ones included. */
export type NameHolders = {
  /** The ids in ascending order; a username or an external id has one at most. */
  readonly ids: readonly bigint[];
  /** For an address, the one user who has verified it, if any; else the same as `ids`. */
  readonly verifiedIds: readonly bigint[];
};

/** The lookup, through the cache, of the users who have a canonical name (db/canonical-names.ts). */
export type CanonicalNames = Lookup<NameKey, NameHolders>;

type HolderColumns = { readonly position: bigint; readonly is_verified: boolean; readonly user_version: bigint };
/** A user who has a canonical name; the columns that only the full view shows are null where it is not asked for. */
type HolderRow = SnapshotColumns & HolderColumns & CachedUserRow;
/** Nobody's canonical name is one row of nulls. */
type Row = HolderRow | (SnapshotColumns & HolderColumns & { readonly id: null });

const isHolder = (row: Row): row is HolderRow => row.id !== null;

const partOf = { username: encodeKey("username"), email: encodeKey("email"), externalId: encodeKey("external_id") };

/**
 * Makes the lookup of users by canonical name. One statement loads names and the users who have them; the users are also stored in the lookup
 * `users` or `basicUsers`.
 */
export const createCanonicalNames = (
  cache: Cache,
  db: Database,
  { users, basicUsers }: { readonly users: UsersLoadedTogether; readonly basicUsers: BasicUsersLoadedTogether },
): CanonicalNames => {
  const basic = selectBasicUsers(db.sql);
  const wanted = sql.ref<string>("w.canonical");
  const byUsername = basic
    .select(sql<boolean>`true`.as("is_verified"))
    .where("users.username_canonical", "=", wanted)
    .where(sql<SqlBool>`w.kind = 'username'`);
  const byAddress = basic
    .innerJoin("user_email as e", "e.user_id", "users.id")
    .select("e.is_verified")
    .where("e.email_canonical", "=", wanted)
    .where(sql<SqlBool>`w.kind = 'email'`);
  const byExternalId = basic
    .select(sql<boolean>`true`.as("is_verified"))
    .where("users.external_id", "=", sql.ref<string>("w.external_id"))
    .where(sql<SqlBool>`w.kind = 'externalId'`);
  const loadedTogetherOf = (holder: HolderRow, isFull: boolean): LoadedTogether => {
    const { epoch, database_time, aggregate_version, position, is_verified, user_version: version, ...row } = holder;
    if (isFull) return users.loadedTogether(row.id, version, row);
    const { emails, own_permissions, role_ids, has_2fa, ...basicRow } = row;
    return basicUsers.loadedTogether(row.id, version, basicRow);
  };
  const load = async (keys: readonly NameKey[], signal: AbortSignal): Promise<Loaded<Content>> => {
    const rows = await db.session({ signal, group: "cache names" }).rows(sql<Row>`
      select users.*, ${cachedColumnsWhere(sql`w.is_full`)}, ${snapshotColumns}, coalesce(h.version, 0) as aggregate_version, w.position,
        coalesce(s.version, 0) as user_version
      from ${snapshot} cross join unnest(
        ${keys.map(({ canonical }) => canonical)}::text[],
        ${keys.map(({ by }) => by)}::text[],
        ${keys.map(({ externalId }) => externalId ?? null)}::text[],
        ${keys.map(({ isFull }) => isFull)}::boolean[]) with ordinality as w (canonical, kind, external_id, is_full, position)
      left join name_version h on h.digest = ${sqlNameDigest(wanted)}
      left join lateral (${byUsername} union all ${byAddress} union all ${byExternalId}) users on true
      left join aggregate_version s on s.kind = 'user' and s.id = users.id
      order by w.position, users.id`);
    const answers = [...Map.groupBy(rows, ({ position }) => position).values()].map((ofKey) => {
      const { epoch, database_time, aggregate_version } = ofKey[0] as Row;
      return { epoch, database_time, aggregate_version, holders: ofKey.filter(isHolder) };
    });
    return {
      ...loadedOf(answers, ({ holders }): Content => holders.map(({ id, is_verified: isVerified }) => [String(id), isVerified])),
      loadedTogether: answers.map(({ holders }, index) => holders.map((row) => loadedTogetherOf(row, keys[index]?.isFull === true))),
    };
  };
  return cache.lookup<NameKey, Content, NameHolders>(
    // Keys stand in the shared store as they are, so a canonical name is there as the hash that its aggregate is.
    {
      name: "canonical_name",
      aggregateOf: ({ canonical }) => canonicalNameAggregate(canonical),
      partOf: ({ by }) => partOf[by],
      load,
      mayBeStale: false,
    },
    (holders) => ({
      ids: holders.map(([id]) => BigInt(id)),
      verifiedIds: holders.filter(([, isVerified]) => isVerified).map(([id]) => BigInt(id)),
    }),
  );
};
