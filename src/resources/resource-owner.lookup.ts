import { sql } from "kysely";
import type { Owner } from "../access/policy.ts";
import type { Cache } from "../cache/cache.ts";
import type { Lookup } from "../cache/lookup.ts";
import { type Loaded, loadedOf } from "../cache/ports.ts";
import type { Database } from "../db/orm.ts";
import { type SnapshotColumns, snapshot, snapshotColumns } from "../db/snapshot.ts";
import type { ResourceRef } from "../gen/userd/v1/resource_pb.ts";
import { accountAggregate } from "../versions/aggregate.ts";
import { encodeKey } from "../versions/key.ts";
import { refColumns } from "./resource.select.ts";

/** The key of the lookup `ResourceOwners`: a reference to a resource, and the account in which it is looked for. */
export type ResourceInAccount = { readonly accountId: bigint; readonly ref: ResourceRef["ref"] };

/** The cached lookup of the owners of resources in accounts; undefined = the account has no such resource. */
export type ResourceOwners = Lookup<ResourceInAccount, { readonly owner: Owner | undefined }>;

const partOf = ({ ref }: ResourceInAccount): string =>
  ref.case === "key" ? encodeKey(ref.value.kind, ref.value.ownerProfileId, ref.value.name) : encodeKey(ref.value ?? 0n);

/** Makes the lookup of the owners of resources. One SQL statement loads any number of them. */
export const createResourceOwners = (cache: Cache, db: Database): ResourceOwners => {
  type Row = SnapshotColumns & { readonly owner_profile_id: bigint | null };
  const load = async (keys: readonly ResourceInAccount[], signal: AbortSignal): Promise<Loaded<string | null>> => {
    const rows = await db.session({ signal, group: "cache access" }).rows(sql<Row>`
      select ${snapshotColumns}, coalesce(s.version, 0) as aggregate_version, r.owner_profile_id
      from ${snapshot} cross join unnest(${refColumns(keys)}, ${keys.map(({ accountId }) => String(accountId))}::bigint[])
        with ordinality as w (id, kind, owner_profile_id, name, account_id, position)
      left join lateral (
        select owner_profile_id from resource where id = w.id and account_id = w.account_id
        union all
        select owner_profile_id from resource
        where owner_profile_id = w.owner_profile_id and kind = w.kind and name = w.name and account_id = w.account_id
      ) r on true
      left join aggregate_version s on s.kind = 'account' and s.id = w.account_id
      order by w.position`);
    return loadedOf(rows, ({ owner_profile_id: id }) => (id === null ? null : String(id)));
  };
  return cache.lookup<ResourceInAccount, string | null, { readonly owner: Owner | undefined }>(
    { name: "resource_owner", aggregateOf: ({ accountId }) => accountAggregate(accountId), partOf, load, mayBeStale: false },
    (profileId, { accountId }) => ({ owner: profileId === null ? undefined : { profileId: BigInt(profileId), accountId } }),
  );
};
