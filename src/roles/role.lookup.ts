import { sql } from "kysely";
import type { Cache } from "../cache/cache.ts";
import type { Lookup } from "../cache/lookup.ts";
import { type Loaded, loadedOf } from "../cache/ports.ts";
import type { Database } from "../db/orm.ts";
import { type SnapshotColumns, snapshot, snapshotColumns } from "../db/snapshot.ts";
import { rolesAggregate } from "../versions/aggregate.ts";

/** A role as the cache stores it, with its id as text. */
export type CachedRole = { readonly id: string; readonly name: string; readonly permissions: readonly string[] };

/** A map of all roles, keyed by id. */
export type Roles = ReadonlyMap<string, CachedRole>;

/** The lookup of the roles. They are few, so the cache holds all of them in one entry. */
export type RoleDefinitions = Lookup<"all", Roles>;

/** Makes the lookup of the roles, which loads all of them by one statement. */
export const createRoleDefinitions = (cache: Cache, db: Database): RoleDefinitions => {
  const load = async (keys: readonly "all"[], signal: AbortSignal): Promise<Loaded<readonly CachedRole[]>> => {
    const rows = await db
      .session({ signal, group: "cache roles" })
      .rows(sql<SnapshotColumns & { readonly roles: readonly CachedRole[] | null }>`
      select ${snapshotColumns}, coalesce(s.version, 0) as aggregate_version, (
        select json_agg(json_build_object('id', r.id::text, 'name', r.name, 'permissions',
          array(select p.permission from role_permission p where p.role_id = r.id))) from role r) as roles
      from ${snapshot} left join aggregate_version s on s.kind = 'roles' and s.id = 0`);
    return loadedOf(
      keys.flatMap(() => rows),
      ({ roles }) => roles ?? [],
    );
  };
  return cache.lookup<"all", readonly CachedRole[], Roles>(
    { name: "roles", aggregateOf: () => rolesAggregate, partOf: () => "", load, mayBeStale: false },
    (roles) => new Map(roles.map((role) => [role.id, role])),
  );
};
