import type { MessageInitShape } from "@bufbuild/protobuf";
import { sql } from "kysely";
import type { Cache } from "../cache/cache.ts";
import type { Lookup } from "../cache/lookup.ts";
import { type Loaded, loadedOf } from "../cache/ports.ts";
import { userSubject } from "../cache/subject.ts";
import type { Database } from "../db/orm.ts";
import { type SnapshotColumns, snapshot, snapshotColumns } from "../db/snapshot.ts";
import type { UserSchema } from "../gen/users/v1/user_pb.ts";
import type { Roles } from "../roles/role.lookup.ts";
import { toUser } from "./user.mapping.ts";
import { type HeldUserRow, selectHeldUsers } from "./user.select.ts";

/** A user that is read through the cache. */
export type HeldUser = {
  readonly row: HeldUserRow;
  /** The user of the basic view, frozen. */
  readonly basic: MessageInitShape<typeof UserSchema>;
  /** The user of the full view. What roles say is theirs, and changes without the user. */
  readonly full: (roles: Roles) => MessageInitShape<typeof UserSchema>;
};

/** Users by id, through the cache; undefined = there is no such user. */
export type Users = Lookup<bigint, { readonly user: HeldUser | undefined }>;

const byCodePoint = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const toHeldUser = (row: HeldUserRow): HeldUser => {
  const basic = Object.freeze(toUser({ ...row, emails: null, permissions: null, role_names: null, has_2fa: null }));
  /** One per version of the roles: the last one that was asked for. */
  let composed: { readonly roles: Roles; readonly user: MessageInitShape<typeof UserSchema> } | undefined;
  return {
    row,
    basic,
    full: (roles) => {
      if (composed?.roles !== roles) {
        const held = row.role_ids.flatMap((id) => roles.get(id) ?? []);
        const permissions = [...new Set([...row.own_permissions, ...held.flatMap((role) => role.permissions)])].sort(byCodePoint);
        const role_names = held.map(({ name }) => name).sort(byCodePoint);
        composed = { roles, user: Object.freeze(toUser({ ...row, permissions, role_names })) };
      }
      return composed.user;
    },
  };
};

/** Makes the lookup: one statement for any number of users. */
export const createUsers = (cache: Cache, db: Database): Users => {
  const load = async (ids: readonly bigint[], signal: AbortSignal): Promise<Loaded<HeldUserRow | null>> => {
    type Row = SnapshotColumns & (HeldUserRow | { readonly id: null });
    const { rows } = await sql<Row>`
      select u.*, ${snapshotColumns}, coalesce(s.version, 0) as subject_version
      from ${snapshot} cross join unnest(${ids.map(String)}::bigint[]) with ordinality as w (id, position)
      left join subject_version s on s.kind = 'user' and s.id = w.id
      left join lateral ${selectHeldUsers(db.sql).whereRef("users.id", "=", sql.ref("w.id"))} u on true
      order by w.position`.execute(db.sql, db.abort({ signal }));
    return loadedOf(rows, ({ epoch, database_time, subject_version, ...row }) => (row.id === null ? null : (row as HeldUserRow)));
  };
  return cache.lookup<bigint, HeldUserRow | null, { readonly user: HeldUser | undefined }>(
    { name: "user", subjectOf: userSubject, partOf: () => "", load, mayBeStale: false, hasUnversioned: true },
    (row) => ({ user: row === null ? undefined : toHeldUser(row) }),
  );
};
