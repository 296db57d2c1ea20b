import type { JsonValue, MessageInitShape } from "@bufbuild/protobuf";
import { sql } from "kysely";
import type { Cache } from "../cache/cache.ts";
import type { Lookup } from "../cache/lookup.ts";
import { type Loaded, loadedOf } from "../cache/ports.ts";
import { createShowVersions } from "../cache/show-versions.ts";
import { compiled, place } from "../db/compiled.ts";
import type { Database } from "../db/orm.ts";
import { type SnapshotColumns, snapshot, snapshotColumns } from "../db/snapshot.ts";
import type { UserOptionSchema } from "../gen/userd/v1/user_option_pb.ts";
import type { GetOptionResponseSchema } from "../gen/userd/v1/user_option_service_pb.ts";
import { storedMoment } from "../moment.ts";
import { userAggregate } from "../versions/aggregate.ts";
import { encodeKey } from "../versions/key.ts";
import type { KeptAnswer } from "./kept-answers.ts";
import { toUserOption } from "./option.mapping.ts";
import { type Scope, ScopeKind } from "./scope.ts";

/** The key of the lookup `UserOptions`: one scope of one user, or with `key` one option in that scope. */
export type OptionsKey = { readonly userId: bigint; readonly scope: Scope; readonly key?: string };

/** The most bytes of a scope that is cached as a whole. A larger one is read key by key: one option must not cost what the others take. */
const WHOLE_BYTES = 128 * 1024;
/** The bytes by which an option counts towards `WHOLE_BYTES` besides its value. */
const OPTION_BYTES = 64;

/** A user's options in a scope, ordered by key, as one array per column, which takes little memory. Times are Unix milliseconds. */
export type Columns = readonly [
  keys: readonly string[],
  values: readonly JsonValue[],
  expireTimes: readonly (number | null)[],
  /** The id, create_time, update_time and version of each option, separated by spaces. Only messages need them. */
  rest: string,
];

const NOTHING: Columns = [[], [], [], ""];
const REST_COLUMNS = 4;

type Content = { readonly userFound: boolean; readonly email: string; readonly isLarge: boolean; readonly columns: Columns };

/** An option of a user as `optionsOf` returns it, with its expiry and the response of GetOption. */
export type CachedOption = {
  readonly option: MessageInitShape<typeof UserOptionSchema>;
  /** The time from which the option reads as absent, in Unix milliseconds of the database's clock; null = never. */
  readonly expireTime: number | null;
  /** The answer of GetOption, frozen: it is encoded once. */
  readonly response: MessageInitShape<typeof GetOptionResponseSchema>;
};

/** The options of a user in a scope, including those past their expire_time; none if the scope is large (`isLarge`). */
export type CachedOptions = {
  readonly userFound: boolean;
  /** The user's primary address, the default of some options. */
  readonly email: string;
  /** Tells whether the scope is too large to be cached as a whole: then it has no options here, and cached-options.ts reads them. */
  readonly isLarge: boolean;
  /** The keys of the options, in ascending order. The two arrays after it are parallel to it; resolution needs these three only. */
  readonly keys: readonly string[];
  readonly values: readonly JsonValue[];
  readonly expireTimes: readonly (number | null)[];
  /** The other columns, from which `optionsOf` makes messages. A function for each scope would hold twice as much. */
  readonly rest: string;
  readonly key: OptionsKey;
  readonly made: Made;
};

/**
 * The options with their messages, kept from the second request on: they take several times as much memory as what is stored. And the answers
 * that were made from them.
 */
type Made = { wasAsked: boolean; kept: ReadonlyMap<string, CachedOption> | undefined; answers: KeptAnswer[] | undefined };

/** The lookup, through the cache, of the options that one user has in one scope. */
export type UserOptions = Lookup<OptionsKey, CachedOptions>;

const GLOBAL_PART = encodeKey(BigInt(ScopeKind.GLOBAL), 0n);

const makeOptions = ({ keys, values, expireTimes, rest, key: { userId, scope } }: CachedOptions): ReadonlyMap<string, CachedOption> => {
  const texts = rest.split(" ");
  return new Map(
    keys.map((key, index) => {
      const [id = "", createTime, updateTime, version] = texts.slice(index * REST_COLUMNS, (index + 1) * REST_COLUMNS);
      const expireTime = expireTimes[index] ?? null;
      const option = toUserOption({
        id: BigInt(id),
        user_id: userId,
        scope_kind: scope.kind,
        scope_id: scope.id,
        key,
        value: values[index],
        create_time: storedMoment(Number(createTime)),
        update_time: storedMoment(Number(updateTime)),
        expire_time: expireTime === null ? null : storedMoment(expireTime),
        version: Number(version),
      });
      return [key, { option, expireTime, response: Object.freeze({ found: true, option, value: option.value }) }];
    }),
  );
};

/** Returns the options in `CachedOptions` as a map from key to option, ordered by key. */
export const optionsOf = (cached: CachedOptions): ReadonlyMap<string, CachedOption> => {
  const { made } = cached;
  const options = made.kept ?? makeOptions(cached);
  if (made.wasAsked) made.kept = options;
  made.wasAsked = true;
  return options;
};

/** Returns a copy of `CachedOptions` without any options, for a scope that is deleted or purged. */
export const emptied = (cached: CachedOptions): CachedOptions => filledWith(cached, NOTHING);

/** Returns a copy of `CachedOptions` with the options in `columns`, such as those read from the database for a large scope. */
export const filledWith = (cached: CachedOptions, columns: Columns): CachedOptions =>
  cachedOf({ ...cached, isLarge: false }, columns, cached.key);

const cachedOf = (
  { userFound, email, isLarge }: Pick<Content, "userFound" | "email" | "isLarge">,
  [keys, values, expireTimes, rest]: Columns,
  key: OptionsKey,
): CachedOptions => ({
  userFound,
  email,
  isLarge,
  keys,
  values,
  expireTimes,
  rest,
  key,
  made: { wasAsked: false, kept: undefined, answers: undefined },
});

/** The condition that the row `w` of the request asks for the option `o`. */
const wanted = sql.raw(
  "o.user_id = w.user_id and o.scope_kind = w.scope_kind and o.scope_id = w.scope_id and (w.key is null or o.key = w.key)",
);

/** A column of time in milliseconds since the epoch. `extract` would go through numeric, which takes twice as long. */
const milliseconds = (column: string) => `(date_part('epoch', o.${column}) * 1000)::bigint`;

/** The most bytes of a value that PostgreSQL stores in its row, where reading it costs less than first looking at its size. */
const SMALL_BYTES = 1_024;

/**
 * The SQL for the options of a scope as columns of JSON, which drivers read several times as fast as rows, their size, and whether a value
 * was left out. A subquery for each scope is an index scan whatever the planner expects; joining and grouping was no faster.
 */
const scope = sql`(
  select sum(o.bytes + ${sql.lit(OPTION_BYTES)}) as bytes, bool_or(o.bytes > ${sql.lit(SMALL_BYTES)}) as is_partial,
    json_agg(o.key order by o.key) as keys,
    json_agg(o.value order by o.key) filter (where o.bytes <= ${sql.lit(SMALL_BYTES)}) as small_values,
    json_agg(${sql.raw(milliseconds("expire_time"))} order by o.key) as expire_times,
    string_agg(concat_ws(' ', o.id, ${sql.raw(milliseconds("create_time"))}, ${sql.raw(milliseconds("update_time"))}, o.version), ' ' order by o.key) as rest
  from user_option o where ${wanted} offset 0)`;

const isLarge = sql`(w.key is null and scope.bytes > ${sql.lit(WHOLE_BYTES)})`;

/** The columns of a scope. Large values are read only when it is known that they are wanted. */
const columns = sql`case when scope.bytes is null or ${isLarge} then null else json_build_array(
  scope.keys,
  case when scope.is_partial then (select json_agg(o.value order by o.key) from user_option o where ${wanted}) else scope.small_values end,
  scope.expire_times,
  scope.rest) end`;

type Row = SnapshotColumns & {
  readonly user_found: boolean;
  readonly email: string | null;
  readonly is_large: boolean | null;
  readonly columns: Columns | null;
};

const loading = compiled(sql<Row>`
  select ${snapshotColumns}, coalesce(s.version, 0) as aggregate_version, u.id is not null as user_found, u.email,
    ${isLarge} as is_large, ${columns} as columns
  from ${snapshot}
  cross join unnest(${place("userIds")}::bigint[], ${place("kinds")}::smallint[], ${place("ids")}::bigint[], ${place("keys")}::text[])
    with ordinality as w (user_id, scope_kind, scope_id, key, position)
  cross join lateral ${scope} scope
  left join aggregate_version s on s.kind = 'user' and s.id = w.user_id
  left join users u on u.id = w.user_id
  order by w.position`);

/** Makes the lookup of users' options. One statement loads the options of any number of users and scopes. */
export const createUserOptions = (cache: Cache, db: Database): UserOptions => {
  const load = async (keys: readonly OptionsKey[], signal: AbortSignal): Promise<Loaded<Content>> => {
    const rows = await db.session({ signal, group: "cache options" }).rows(
      loading({
        userIds: keys.map(({ userId }) => String(userId)),
        kinds: keys.map(({ scope }) => scope.kind),
        ids: keys.map(({ scope }) => String(scope.id)),
        keys: keys.map(({ key }) => key ?? null),
      }),
    );
    return loadedOf(rows, (row) => ({
      userFound: row.user_found,
      email: row.email ?? "",
      isLarge: row.is_large ?? false,
      columns: row.columns ?? NOTHING,
    }));
  };
  return cache.lookup<OptionsKey, Content, CachedOptions>(
    {
      name: "option_scope",
      aggregateOf: ({ userId }) => userAggregate(userId),
      partOf: ({ scope: { kind, id }, key }) => {
        if (key !== undefined) return encodeKey(BigInt(kind), id, key);
        return kind === ScopeKind.GLOBAL ? GLOBAL_PART : encodeKey(BigInt(kind), id);
      },
      load,
      showVersions: createShowVersions(db, "cache options"),
      mayBeStale: true,
    },
    (content, key) => cachedOf(content, content.columns, key),
  );
};
