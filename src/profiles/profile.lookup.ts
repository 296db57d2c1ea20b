import { hash } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { sql } from "kysely";
import type { Cache } from "../cache/cache.ts";
import type { Lookup } from "../cache/lookup.ts";
import { type Loaded, loadedOf } from "../cache/ports.ts";
import type { Database } from "../db/orm.ts";
import { DEFAULT_PAGE_SIZE, type Sized } from "../db/page.ts";
import { type SnapshotColumns, snapshot, snapshotColumns } from "../db/snapshot.ts";
import type { GetProfileResponseSchema } from "../gen/userd/v1/user_profile_pb.ts";
import { accountAggregate, userAggregate } from "../versions/aggregate.ts";
import { encodeKey } from "../versions/key.ts";
import { metadataBytes } from "./metadata.ts";
import { type ProfileRow, toProfile } from "./profile.select.ts";

/** A profile read through the cache, with the answer of GetProfile: one object, so that it is encoded once. */
export type CachedProfile = { readonly row: ProfileRow; readonly response: MessageInitShape<typeof GetProfileResponseSchema> };

/** The lookup of profiles through the cache, keyed by user and account; undefined = the user has no profile in the account. */
export type Profiles = Lookup<{ readonly userId: bigint; readonly accountId: bigint }, { readonly profile: CachedProfile | undefined }>;

/** The lookup, through the cache, of the profiles of an account that have a name: the first two by id, since names are not unique. */
export type ProfilesByName = Lookup<{ readonly accountId: bigint; readonly name: string }, { readonly profiles: readonly CachedProfile[] }>;

/** A profile with the bytes of its metadata, as pages count them. */
export type SizedProfile = ProfileRow & Sized;

/** The lookup of the first profiles of a user through the cache, one more than a page has; undefined = they are too large to be cached. */
export type FirstProfiles = Lookup<bigint, { readonly rows: readonly SizedProfile[] | undefined }>;

/** The most bytes of the metadata of a user's first profiles that are cached. */
const MAX_BYTES = 256 * 1024;

const toCachedProfile = (row: ProfileRow): CachedProfile => ({ row, response: Object.freeze({ profile: Object.freeze(toProfile(row)) }) });

type Positioned<R> = SnapshotColumns & { readonly position: bigint } & (R | { readonly id: null });

/** Makes the content of each key from its rows, of which a key without profiles has one that is empty. */
const loadedByPosition = <R extends object>(rows: readonly Positioned<R>[]): Loaded<readonly R[]> => {
  const ofKeys = [...Map.groupBy(rows, ({ position }) => position).values()].map((ofKey) => {
    const found = ofKey.filter((row) => !("id" in row) || row.id !== null);
    const profiles = found.map(({ epoch, database_time, aggregate_version, position, ...row }) => row as unknown as R);
    return { ...(ofKey[0] as SnapshotColumns), profiles };
  });
  return loadedOf(ofKeys, ({ profiles }) => profiles);
};

/** Makes the lookup of profiles by user and account. */
export const createProfiles = (cache: Cache, db: Database): Profiles => {
  const load = async (keys: readonly { userId: bigint; accountId: bigint }[], signal: AbortSignal) =>
    loadedByPosition(
      await db.session({ signal, group: "cache profiles" }).rows(sql<Positioned<ProfileRow>>`
        select p.*, ${snapshotColumns}, w.position, coalesce(s.version, 0) as aggregate_version
        from ${snapshot} cross join unnest(
          ${keys.map(({ userId }) => String(userId))}::bigint[],
          ${keys.map(({ accountId }) => String(accountId))}::bigint[]) with ordinality as w (user_id, account_id, position)
        left join aggregate_version s on s.kind = 'user' and s.id = w.user_id
        left join user_profile p on p.user_id = w.user_id and p.account_id = w.account_id
        order by w.position`),
    );
  return cache.lookup(
    {
      name: "profile",
      aggregateOf: ({ userId }) => userAggregate(userId),
      partOf: ({ accountId }) => encodeKey(accountId),
      load,
      mayBeStale: false,
    },
    ([row]: readonly ProfileRow[]) => ({ profile: row && toCachedProfile(row) }),
  );
};

/** Makes the lookup of the profiles of an account by name. */
export const createProfilesByName = (cache: Cache, db: Database): ProfilesByName => {
  const load = async (keys: readonly { accountId: bigint; name: string }[], signal: AbortSignal) =>
    loadedByPosition(
      await db.session({ signal, group: "cache profiles" }).rows(sql<Positioned<ProfileRow>>`
        select p.*, ${snapshotColumns}, w.position, coalesce(s.version, 0) as aggregate_version
        from ${snapshot} cross join unnest(
          ${keys.map(({ accountId }) => String(accountId))}::bigint[],
          ${keys.map(({ name }) => name)}::text[]) with ordinality as w (account_id, name, position)
        left join aggregate_version s on s.kind = 'account' and s.id = w.account_id
        left join lateral (
          select * from user_profile where account_id = w.account_id and name = w.name order by id limit 2
        ) p on true
        order by w.position, p.id`),
    );
  return cache.lookup(
    {
      name: "profile_name",
      aggregateOf: ({ accountId }) => accountAggregate(accountId),
      // Keys stand in the shared store as they are, so a name is there as a hash.
      partOf: ({ name }) => encodeKey(hash("sha256", name, "base64url")),
      load,
      mayBeStale: false,
    },
    (rows: readonly ProfileRow[]) => ({ profiles: rows.map(toCachedProfile) }),
  );
};

/** Makes the lookup of the first profiles of users, ordered by id. */
export const createFirstProfiles = (cache: Cache, db: Database): FirstProfiles => {
  const load = async (ids: readonly bigint[], signal: AbortSignal) =>
    loadedByPosition(
      await db.session({ signal, group: "cache profiles" }).rows(sql<Positioned<SizedProfile>>`
        select p.*, ${snapshotColumns}, w.position, coalesce(s.version, 0) as aggregate_version
        from ${snapshot} cross join unnest(${ids.map(String)}::bigint[]) with ordinality as w (user_id, position)
        left join aggregate_version s on s.kind = 'user' and s.id = w.user_id
        left join lateral (
          select *, ${metadataBytes("user_profile")} as bytes from user_profile
          where user_id = w.user_id order by id limit ${DEFAULT_PAGE_SIZE + 1}
        ) p on true
        order by w.position, p.id`),
    );
  return cache.lookup<bigint, readonly SizedProfile[] | null, { readonly rows: readonly SizedProfile[] | undefined }>(
    {
      name: "first_profiles",
      aggregateOf: userAggregate,
      partOf: () => "",
      load: async (ids, signal) => {
        const loaded = await load(ids, signal);
        const sized = loaded.contents.map((rows) => (rows.reduce((sum, { bytes }) => sum + bytes, 0) > MAX_BYTES ? null : rows));
        return { ...loaded, contents: sized };
      },
      mayBeStale: false,
    },
    (rows) => ({ rows: rows ?? undefined }),
  );
};
