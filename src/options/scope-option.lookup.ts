import type { JsonValue, MessageInitShape } from "@bufbuild/protobuf";
import { sql } from "kysely";
import type { Cache } from "../cache/cache.ts";
import type { Lookup } from "../cache/lookup.ts";
import { type Loaded, loadedOf } from "../cache/ports.ts";
import { createShowVersions } from "../cache/show-versions.ts";
import type { Database } from "../db/orm.ts";
import { type SnapshotColumns, snapshot, snapshotColumns } from "../db/snapshot.ts";
import type { ScopeOptionSchema } from "../gen/userd/v1/scope_option_pb.ts";
import { storedMoment } from "../moment.ts";
import { type ScopeOptionRow, toScopeOption } from "./option.mapping.ts";
import type { OptionScopes } from "./option-scopes.ts";
import type { Scope } from "./scope.ts";
import { aggregateOfScope } from "./target.ts";

/** A scope option as the statement reads it; times are Unix milliseconds. */
type StoredRow = readonly [
  id: string,
  key: string,
  value: JsonValue,
  locked: boolean,
  createTime: number,
  updateTime: number,
  version: number,
];

/** A scope option that is read through the cache. */
export type CachedScopeOption = {
  readonly json: JsonValue;
  readonly locked: boolean;
  readonly option: MessageInitShape<typeof ScopeOptionSchema>;
};

/**
 * The cached scope options of one scope, and whether options can be read in it. The organization of a project has its own entry (`parentId`).
 */
export type CachedScope = {
  /** Tells whether options can be read in the scope, unless `parentId` is an organization in which they can't. */
  readonly isLive: boolean;
  /** The id of the organization that has to be live too; undefined = none. */
  readonly parentId: bigint | undefined;
  readonly options: ReadonlyMap<string, CachedScopeOption>;
};

/** The lookup, through the cache, of scopes with their scope options. */
export type ScopeOptions = Lookup<Scope, CachedScope>;

type Content = { readonly isLive: boolean; readonly parentId: string | null; readonly rows: readonly StoredRow[] };

const toRow = (
  { kind, id: scopeId }: Scope,
  [id, key, value, locked, createTime, updateTime, version]: StoredRow,
): Omit<ScopeOptionRow, "bytes"> => ({
  id: BigInt(id),
  scope_kind: kind,
  scope_id: scopeId,
  key,
  value,
  locked,
  create_time: storedMoment(createTime),
  update_time: storedMoment(updateTime),
  version,
});

/** Makes the lookup of scope options: of the global scope, organizations and projects. One statement loads any number of scopes. */
export const createScopeOptions = (cache: Cache, db: Database, { isLiveItself, parentOf }: OptionScopes): ScopeOptions => {
  const [kindColumn, idColumn] = [sql.raw("w.scope_kind"), sql.raw("w.scope_id")];
  const load = async (scopes: readonly Scope[], signal: AbortSignal): Promise<Loaded<Content>> => {
    type Row = SnapshotColumns & { readonly is_live: boolean; readonly parent_id: string | null; readonly rows: StoredRow[] | null };
    const aggregates = scopes.map(aggregateOfScope);
    const rows = await db.session({ signal, group: "cache scope options" }).rows(sql<Row>`
      select ${snapshotColumns}, coalesce(s.version, 0) as aggregate_version,
        ${isLiveItself(kindColumn, idColumn)} as is_live, ${parentOf(kindColumn, idColumn)}::text as parent_id, (
        select json_agg(json_build_array(o.id::text, o.key, o.value, o.locked,
          (extract(epoch from o.create_time) * 1000)::bigint, (extract(epoch from o.update_time) * 1000)::bigint, o.version) order by o.key)
        from scope_option o where o.scope_kind = w.scope_kind and o.scope_id = w.scope_id) as rows
      from ${snapshot}
      cross join unnest(
        ${scopes.map(({ kind }) => kind)}::smallint[],
        ${scopes.map(({ id }) => String(id))}::bigint[],
        ${aggregates.map(({ kind }) => kind)}::text[]) with ordinality as w (scope_kind, scope_id, aggregate_kind, position)
      left join aggregate_version s on s.kind = w.aggregate_kind and s.id = w.scope_id
      order by w.position`);
    return loadedOf(rows, (row) => ({ isLive: row.is_live, parentId: row.parent_id, rows: row.rows ?? [] }));
  };
  return cache.lookup<Scope, Content, CachedScope>(
    {
      name: "scope_options",
      aggregateOf: aggregateOfScope,
      partOf: () => "",
      load,
      showVersions: createShowVersions(db, "cache scope options"),
      mayBeStale: true,
    },
    ({ isLive, parentId, rows }, scope) => ({
      isLive,
      parentId: parentId === null ? undefined : BigInt(parentId),
      options: new Map(
        rows.map((row) => [row[1], { json: row[2], locked: row[3], option: Object.freeze(toScopeOption(toRow(scope, row))) }]),
      ),
    }),
  );
};
