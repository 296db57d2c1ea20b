import { sql } from "kysely";
import type { Cache } from "../cache/cache.ts";
import type { Lookup } from "../cache/lookup.ts";
import { type Loaded, loadedOf } from "../cache/ports.ts";
import { handleSubject } from "../cache/subject.ts";
import type { Database } from "../db/orm.ts";
import { type SnapshotColumns, snapshot, snapshotColumns } from "../db/snapshot.ts";

/** A user who has a handle as an address; the id as text. */
type Holder = readonly [userId: string, isVerified: boolean];

/** What the cache keeps of a handle: nobody having it is kept too. */
type Content = { readonly usernames: readonly string[]; readonly emails: readonly Holder[] };

/** Who has a handle, deleted users included. */
export type HeldHandle = {
  /** Users by username: one at most. */
  readonly byUsername: readonly bigint[];
  /** Users by address, ascending. */
  readonly byEmail: readonly bigint[];
  /** The one user who has verified it, if any. */
  readonly byVerifiedEmail: readonly bigint[];
};

/** Users by handle (db/handles.ts), through the cache. */
export type Handles = Lookup<string, HeldHandle>;

/** Makes the lookup: one statement for any number of handles. */
export const createHandles = (cache: Cache, db: Database): Handles => {
  const load = async (handles: readonly string[], signal: AbortSignal): Promise<Loaded<Content>> => {
    const { rows } = await sql<SnapshotColumns & { readonly usernames: string[] | null; readonly emails: Holder[] | null }>`
      select ${snapshotColumns}, coalesce(h.version, 0) as subject_version,
        array(select u.id::text from users u where u.username_handle = w.handle) as usernames,
        (select json_agg(json_build_array(e.user_id::text, e.is_verified) order by e.user_id)
          from user_email e where e.email_handle = w.handle) as emails
      from ${snapshot} cross join unnest(${handles}::text[]) with ordinality as w (handle, position)
      left join handle h on h.name = w.handle
      order by w.position`.execute(db.sql, db.abort({ signal }));
    return loadedOf(rows, (row) => ({ usernames: row.usernames ?? [], emails: row.emails ?? [] }));
  };
  // Keys stand in the shared store as they are, so a handle is there as the hash that its subject is.
  return cache.lookup<string, Content, HeldHandle>(
    { name: "handle", subjectOf: handleSubject, partOf: () => "", load, mayBeStale: false },
    ({ usernames, emails }) => ({
      byUsername: usernames.map(BigInt),
      byEmail: emails.map(([id]) => BigInt(id)),
      byVerifiedEmail: emails.filter(([, isVerified]) => isVerified).map(([id]) => BigInt(id)),
    }),
  );
};
