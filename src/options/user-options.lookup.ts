import type { JsonValue, MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { sql } from "kysely";
import type { Cache } from "../cache/cache.ts";
import { encodeKey } from "../cache/key.ts";
import type { Lookup } from "../cache/lookup.ts";
import { type Loaded, loadedOf } from "../cache/ports.ts";
import { userSubject } from "../cache/subject.ts";
import type { Database } from "../db/orm.ts";
import { type SnapshotColumns, snapshot, snapshotColumns } from "../db/snapshot.ts";
import type { UserOptionSchema } from "../gen/users/v1/user_option_pb.ts";
import type { GetOptionResponseSchema } from "../gen/users/v1/user_option_service_pb.ts";
import { optionEtag } from "./option.mapping.ts";
import { type Scope, ScopeKind, scopeFields } from "./scope.ts";
import { toValue } from "./value.ts";

/** One scope of one user. */
export type OptionsKey = { readonly userId: bigint; readonly scope: Scope };

/** An option as the statement reads it: times are milliseconds since the epoch. */
type StoredRow = readonly [
  id: string,
  key: string,
  value: JsonValue,
  createTime: number,
  updateTime: number,
  expireTime: number | null,
  version: number,
];

/** What the cache keeps of a scope: plain data, no password material. */
type Content = { readonly userFound: boolean; readonly email: string; readonly rows: readonly StoredRow[] };

/** An option that is read through the cache. */
export type HeldOption = {
  readonly key: string;
  /** The stored JSON. */
  readonly json: JsonValue;
  readonly option: MessageInitShape<typeof UserOptionSchema>;
  /** In milliseconds since the epoch, by the clock of the database; Infinity = never. */
  readonly expiresAt: number;
  /** The answer of GetOption, frozen: it is encoded once. */
  readonly response: MessageInitShape<typeof GetOptionResponseSchema>;
};

/** All options that a user has in a scope, those past their expire_time included. */
export type HeldOptions = {
  readonly userFound: boolean;
  /** The user's primary address, the default of some options. */
  readonly email: string;
  /** By key, in the order of the keys. */
  readonly options: ReadonlyMap<string, HeldOption>;
};

/** The option scopes of users, through the cache. */
export type UserOptions = Lookup<OptionsKey, HeldOptions>;

const GLOBAL_PART = encodeKey(BigInt(ScopeKind.GLOBAL), 0n);

const toHeldOption = (
  { userId, scope }: OptionsKey,
  [id, key, json, createTime, updateTime, expireTime, version]: StoredRow,
): HeldOption => {
  const value = toValue(json);
  const option = {
    userId,
    key,
    value,
    ...scopeFields(scope.kind, scope.id),
    etag: optionEtag({ id: BigInt(id), version }),
    createTime: timestampFromMs(createTime),
    updateTime: timestampFromMs(updateTime),
    ...(expireTime !== null && { expireTime: timestampFromMs(expireTime) }),
  };
  return { key, json, option, expiresAt: expireTime ?? Infinity, response: Object.freeze({ found: true, option, value }) };
};

const milliseconds = (column: string) => `(extract(epoch from o.${column}) * 1000)::bigint`;

/** The rows of a scope as one JSON array: a driver takes several times as long to make objects of rows. */
const rows = sql.raw(`(
  select json_agg(json_build_array(
    o.id::text, o.key, o.value, ${milliseconds("create_time")}, ${milliseconds("update_time")}, ${milliseconds("expire_time")}, o.version
  ) order by o.key)
  from user_option o where o.user_id = w.user_id and o.scope_kind = w.scope_kind and o.scope_id = w.scope_id)`);

/** Makes the lookup: one statement for any number of scopes. */
export const createUserOptions = (cache: Cache, db: Database): UserOptions => {
  const load = async (keys: readonly OptionsKey[], signal: AbortSignal): Promise<Loaded<Content>> => {
    type Row = SnapshotColumns & { readonly user_found: boolean; readonly email: string | null; readonly rows: StoredRow[] | null };
    const { rows: loaded } = await sql<Row>`
      select ${snapshotColumns}, coalesce(s.version, 0) as subject_version, u.id is not null as user_found, u.email, ${rows} as rows
      from ${snapshot}
      cross join unnest(
        ${keys.map(({ userId }) => String(userId))}::bigint[],
        ${keys.map(({ scope }) => scope.kind)}::smallint[],
        ${keys.map(({ scope }) => String(scope.id))}::bigint[]) with ordinality as w (user_id, scope_kind, scope_id, position)
      left join subject_version s on s.kind = 'user' and s.id = w.user_id
      left join users u on u.id = w.user_id
      order by w.position`.execute(db.sql, db.abort({ signal }));
    return loadedOf(loaded, (row) => ({ userFound: row.user_found, email: row.email ?? "", rows: row.rows ?? [] }));
  };
  return cache.lookup<OptionsKey, Content, HeldOptions>(
    {
      name: "option_scope",
      subjectOf: ({ userId }) => userSubject(userId),
      partOf: ({ scope: { kind, id } }) => (kind === ScopeKind.GLOBAL ? GLOBAL_PART : encodeKey(BigInt(kind), id)),
      load,
      mayBeStale: true,
    },
    ({ userFound, email, rows: stored }, key) => ({
      userFound,
      email,
      options: new Map(stored.map((row) => [row[1], toHeldOption(key, row)])),
    }),
  );
};
