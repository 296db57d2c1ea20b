import type { MessageInitShape } from "@bufbuild/protobuf";
import { type SelectQueryBuilder, sql } from "kysely";
import type { Cache } from "../cache/cache.ts";
import type { Lookup } from "../cache/lookup.ts";
import { type Loaded, loadedOf } from "../cache/ports.ts";
import type { Database } from "../db/orm.ts";
import { type SnapshotColumns, snapshot, snapshotColumns } from "../db/snapshot.ts";
import type { UserSchema } from "../gen/userd/v1/user_pb.ts";
import type { Roles } from "../roles/role.lookup.ts";
import type { Schema } from "../schema/entities.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { toUser } from "./user.mapping.ts";
import { type BasicUserRow, type CachedUserRow, selectBasicUsers, selectCachedUsers } from "./user.select.ts";

/** A user in the basic view, read through the cache. */
export type BasicUser = {
  readonly row: BasicUserRow;
  /** The basic view of the user, frozen. */
  readonly basic: MessageInitShape<typeof UserSchema>;
};

/**
 * A user read through the cache for the full view, with the ids of its roles; the function `full` adds the names and permissions of the roles.
 */
export type CachedUser = {
  readonly row: CachedUserRow;
  /** Makes the full view of the user. It takes the roles from the caller, since they change without the user. */
  readonly full: (roles: Roles) => MessageInitShape<typeof UserSchema>;
};

/** The lookup of users in the basic view through the cache, keyed by id; undefined = there is no such user. */
export type BasicUsers = Lookup<bigint, { readonly user: BasicUser | undefined }>;

/** The lookup of users for the full view through the cache, keyed by id; undefined = there is no such user. */
export type Users = Lookup<bigint, { readonly user: CachedUser | undefined }>;

const byCodePoint = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const toBasicUser = (row: BasicUserRow): BasicUser => ({
  row,
  basic: Object.freeze(toUser({ ...row, emails: null, permissions: null, role_names: null, has_2fa: null })),
});

const toCachedUser = (row: CachedUserRow): CachedUser => {
  /** The full view for the roles that were last asked for. */
  let composed: { readonly roles: Roles; readonly user: MessageInitShape<typeof UserSchema> } | undefined;
  return {
    row,
    full: (roles) => {
      if (composed?.roles !== roles) {
        const assigned = row.role_ids.flatMap((id) => roles.get(id) ?? []);
        const permissions = [...new Set([...row.own_permissions, ...assigned.flatMap((role) => role.permissions)])].sort(byCodePoint);
        const role_names = assigned.map(({ name }) => name).sort(byCodePoint);
        composed = { roles, user: Object.freeze(toUser({ ...row, permissions, role_names })) };
      }
      return composed.user;
    },
  };
};

/** Makes the function that loads any number of users by one statement. */
const loadOf =
  <R extends BasicUserRow>(db: Database, select: SelectQueryBuilder<Schema, "users", R>) =>
  async (ids: readonly bigint[], signal: AbortSignal): Promise<Loaded<R | null>> => {
    const rows = await db.session({ signal, group: "cache users" }).rows(sql<SnapshotColumns & (R | { readonly id: null })>`
      select u.*, ${snapshotColumns}, coalesce(s.version, 0) as aggregate_version
      from ${snapshot} cross join unnest(${ids.map(String)}::bigint[]) with ordinality as w (id, position)
      left join aggregate_version s on s.kind = 'user' and s.id = w.id
      left join lateral ${select.whereRef("users.id", "=", sql.ref("w.id"))} u on true
      order by w.position`);
    return loadedOf(rows, ({ epoch, database_time, aggregate_version, ...row }) => (row.id === null ? null : (row as unknown as R)));
  };

const ofUsers = { aggregateOf: userAggregate, partOf: () => "", mayBeStale: false, hasUnversioned: true };

/** Makes the lookup of users in the basic view, which loads only what that view shows. */
export const createBasicUsers = (cache: Cache, db: Database) =>
  cache.lookup<bigint, BasicUserRow | null, { readonly user: BasicUser | undefined }>(
    { ...ofUsers, name: "basic_user", load: loadOf<BasicUserRow>(db, selectBasicUsers(db.sql)) },
    (row) => ({ user: row === null ? undefined : toBasicUser(row) }),
  );

/** Makes the lookup of users for the full view. */
export const createUsers = (cache: Cache, db: Database) =>
  cache.lookup<bigint, CachedUserRow | null, { readonly user: CachedUser | undefined }>(
    { ...ofUsers, name: "user", load: loadOf<CachedUserRow>(db, selectCachedUsers(db.sql)) },
    (row) => ({ user: row === null ? undefined : toCachedUser(row) }),
  );

/** The lookup of users in the basic view, with the method `loadedTogether`, for users that the lookup of canonical names has loaded. */
export type BasicUsersLoadedTogether = ReturnType<typeof createBasicUsers>;

/** The lookup of users for the full view, with the method `loadedTogether`, for users that the lookup of canonical names has loaded. */
export type UsersLoadedTogether = ReturnType<typeof createUsers>;
