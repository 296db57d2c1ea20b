import { sql } from "kysely";
import type { Cache } from "../cache/cache.ts";
import type { Lookup } from "../cache/lookup.ts";
import { loadedOf } from "../cache/ports.ts";
import type { Kind } from "../contract/kinds/kind.ts";
import { compiled, place } from "../db/compiled.ts";
import type { Database } from "../db/orm.ts";
import { type SnapshotColumns, snapshot, snapshotColumns } from "../db/snapshot.ts";
import type { AggregateKind } from "../versions/aggregate.ts";
import { resourceField } from "./resource-fields.ts";
import { columnsOf, type Row, toMessage } from "./row.ts";

/** The lookup of the resources of one kind through the cache, keyed by id, with the answers of Get; undefined = there is no such resource. */
export type Resources = Lookup<bigint, { readonly response: object | undefined }>;

/** Returns the lookup of the resources of a kind; undefined = the kind does not say that it is cached. */
export type ResourcesOf = (kind: Kind) => Resources | undefined;

const lookupOf = (cache: Cache, db: Database, kind: Kind, aggregate: AggregateKind): Resources => {
  const reading = compiled(sql<SnapshotColumns & (Row | { readonly id: null })>`
    select ${columnsOf(kind)}, ${snapshotColumns}, coalesce(s.version, 0) as aggregate_version
    from ${snapshot} cross join unnest(${place("ids")}::bigint[]) with ordinality as w (id, position)
    left join aggregate_version s on s.kind = ${sql.lit(aggregate)} and s.id = w.id
    left join ${sql.table(kind.table)} r on r.id = w.id
    order by w.position`);
  const load = async (ids: readonly bigint[], signal: AbortSignal) => {
    const rows = await db.session({ signal, group: "cache kinds" }).rows(reading({ ids: ids.map(String) }));
    return loadedOf(rows, ({ epoch, database_time, aggregate_version, ...row }) => (row.id === null ? null : (row as Row)));
  };
  const field = resourceField(kind);
  return cache.lookup<bigint, Row | null, { readonly response: object | undefined }>(
    {
      name: `kind_${kind.name}`,
      aggregateOf: (id) => ({ kind: aggregate, id }),
      partOf: () => "",
      load,
      mayBeStale: false,
    },
    (row) => ({ response: row === null ? undefined : Object.freeze({ [field]: Object.freeze(toMessage(kind, row)) }) }),
  );
};

/** Makes the lookups of the resources of all kinds that say that they are cached. */
export const createResources = (cache: Cache, db: Database): ResourcesOf => {
  const lookups = new Map(
    db.kinds.served.flatMap((kind) => (kind.cachedBy === undefined ? [] : [[kind, lookupOf(cache, db, kind, kind.cachedBy)] as const])),
  );
  return (kind) => lookups.get(kind);
};
