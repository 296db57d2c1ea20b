import { type SqlBool, sql } from "kysely";
import type { Cache } from "../cache/cache.ts";
import type { Lookup } from "../cache/lookup.ts";
import { type Beside, type Loaded, loadedOf } from "../cache/ports.ts";
import type { Database } from "../db/orm.ts";
import { type SnapshotColumns, snapshot, snapshotColumns } from "../db/snapshot.ts";
import { encodeKey } from "../versions/key.ts";
import { handleSubject } from "../versions/subject.ts";
import type { BesideBasicUsers, BesideUsers } from "./user.lookup.ts";
import { type HeldUserRow, heldColumnsWhere, selectBasicUsers } from "./user.select.ts";

/** A handle as what it is asked for. */
export type HandleKey = {
  readonly handle: string;
  readonly by: "username" | "email" | "externalId";
  /** The external id itself, by which the database knows it. */
  readonly externalId?: string;
  /** For which view its users are read with it, when the cache has to ask. It is no part of what is asked for. */
  readonly isFull: boolean;
};

/** A user who has a handle; the id as text. */
type Holder = readonly [userId: string, isVerified: boolean];

/** What the cache keeps of a handle: nobody having it is kept too. */
type Content = readonly Holder[];

/** Who has a handle, deleted users included. */
export type HeldHandle = {
  /** Ascending; by username and external id one at most. */
  readonly ids: readonly bigint[];
  /** By address the one user who has verified it, if any. */
  readonly verifiedIds: readonly bigint[];
};

/** Users by handle (db/handles.ts), through the cache. */
export type Handles = Lookup<HandleKey, HeldHandle>;

type HolderColumns = { readonly position: bigint; readonly is_verified: boolean; readonly user_version: bigint };
/** A user who has a handle; the columns that only the full view shows are null where it is not asked for. */
type HolderRow = SnapshotColumns & HolderColumns & HeldUserRow;
/** Nobody's handle is one row of nulls. */
type Row = HolderRow | (SnapshotColumns & HolderColumns & { readonly id: null });

const isHolder = (row: Row): row is HolderRow => row.id !== null;

const partOf = { username: encodeKey("username"), email: encodeKey("email"), externalId: encodeKey("external_id") };

/** Makes the lookup: one statement for any number of handles, which brings their users along. */
export const createHandles = (
  cache: Cache,
  db: Database,
  { users, basicUsers }: { readonly users: BesideUsers; readonly basicUsers: BesideBasicUsers },
): Handles => {
  const basic = selectBasicUsers(db.sql);
  const wanted = sql.ref<string>("w.handle");
  const byUsername = basic
    .select(sql<boolean>`true`.as("is_verified"))
    .where("users.username_handle", "=", wanted)
    .where(sql<SqlBool>`w.kind = 'username'`);
  const byAddress = basic
    .innerJoin("user_email as e", "e.user_id", "users.id")
    .select("e.is_verified")
    .where("e.email_handle", "=", wanted)
    .where(sql<SqlBool>`w.kind = 'email'`);
  const byExternalId = basic
    .select(sql<boolean>`true`.as("is_verified"))
    .where("users.external_id", "=", sql.ref<string>("w.external_id"))
    .where(sql<SqlBool>`w.kind = 'externalId'`);
  const besideOf = (holder: HolderRow, isFull: boolean): Beside => {
    const { epoch, database_time, subject_version, position, is_verified, user_version: version, ...row } = holder;
    if (isFull) return users.beside(row.id, version, row);
    const { emails, own_permissions, role_ids, has_2fa, ...basicRow } = row;
    return basicUsers.beside(row.id, version, basicRow);
  };
  const load = async (keys: readonly HandleKey[], signal: AbortSignal): Promise<Loaded<Content>> => {
    const rows = await db.session({ signal }).rows(sql<Row>`
      select users.*, ${heldColumnsWhere(sql`w.is_full`)}, ${snapshotColumns}, coalesce(h.version, 0) as subject_version, w.position,
        coalesce(s.version, 0) as user_version
      from ${snapshot} cross join unnest(
        ${keys.map(({ handle }) => handle)}::text[],
        ${keys.map(({ by }) => by)}::text[],
        ${keys.map(({ externalId }) => externalId ?? null)}::text[],
        ${keys.map(({ isFull }) => isFull)}::boolean[]) with ordinality as w (handle, kind, external_id, is_full, position)
      left join handle h on h.name = w.handle
      left join lateral (${byUsername} union all ${byAddress} union all ${byExternalId}) users on true
      left join subject_version s on s.kind = 'user' and s.id = users.id
      order by w.position, users.id`);
    const answers = [...Map.groupBy(rows, ({ position }) => position).values()].map((ofKey) => {
      const { epoch, database_time, subject_version } = ofKey[0] as Row;
      return { epoch, database_time, subject_version, holders: ofKey.filter(isHolder) };
    });
    return {
      ...loadedOf(answers, ({ holders }): Content => holders.map(({ id, is_verified: isVerified }) => [String(id), isVerified])),
      beside: answers.map(({ holders }, index) => holders.map((row) => besideOf(row, keys[index]?.isFull === true))),
    };
  };
  return cache.lookup<HandleKey, Content, HeldHandle>(
    // Keys stand in the shared store as they are, so a handle is there as the hash that its subject is.
    { name: "handle", subjectOf: ({ handle }) => handleSubject(handle), partOf: ({ by }) => partOf[by], load, mayBeStale: false },
    (holders) => ({
      ids: holders.map(([id]) => BigInt(id)),
      verifiedIds: holders.filter(([, isVerified]) => isVerified).map(([id]) => BigInt(id)),
    }),
  );
};
