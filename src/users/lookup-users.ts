import { sql } from "kysely";
import type { Freshness } from "../cache/freshness.ts";
import type { Operation } from "../call.ts";
import { handleOf } from "../db/handles.ts";
import type { Database } from "../db/orm.ts";
import { UserView } from "../gen/users/v1/user_pb.ts";
import { LookupStatus, type UserKey, type UserService } from "../gen/users/v1/user_service_pb.ts";
import { toUser } from "./user.mapping.ts";
import { selectUsers, type UserRow } from "./user.select.ts";

type Found = UserRow & { readonly positions: number[] };

/** The keys as columns: the statement has the same text for any number of them. */
const columnsOf = (keys: readonly UserKey[]) => ({
  kinds: keys.map(({ key }) => key.case ?? ""),
  ids: keys.map(({ key }) => (key.case === "id" ? String(key.value) : null)),
  handles: keys.map(({ key }) => (key.case === "username" || key.case === "email" ? handleOf(key.value) : null)),
});

/** The users that the keys name, each once, with the positions of the keys that name it: one statement. */
const matchedUsers = (keys: readonly UserKey[], onlyVerified: boolean) => {
  const { kinds, ids, handles } = columnsOf(keys);
  return sql<{ id: bigint; positions: number[] }>`(
    with wanted as (
      select * from unnest(${kinds}::text[], ${ids}::bigint[], ${handles}::text[]) with ordinality as k (kind, id, handle, position)
    )
    select user_id as id, array_agg(position::int) as positions from (
      select u.id as user_id, position from wanted join users u on u.id = wanted.id where kind = 'id'
      union all
      select u.id, position from wanted join users u on u.username_handle = handle where kind = 'username'
      union all
      select e.user_id, position from wanted join user_email e on e.email_handle = handle
        where kind = 'email' and (e.is_verified or not ${onlyVerified}::boolean)
    ) match group by user_id
  )`;
};

const NOT_FOUND = { status: LookupStatus.NOT_FOUND };

/** LookupUsers: one result per key, in the order of the keys. */
export const lookupUsers =
  ({ db, freshness }: { db: Database; freshness: Freshness }): Operation<typeof UserService.method.lookupUsers> =>
  async (call, request) => {
    await freshness.check(call, request.consistency);
    const rows: Found[] = await selectUsers(db.sql, { full: request.view === UserView.FULL })
      .innerJoin(matchedUsers(request.keys, request.onlyVerifiedEmail).as("matched"), "matched.id", "users.id")
      .select("matched.positions")
      .orderBy("users.id")
      .execute(db.abort(call));
    const byPosition: Found[][] = request.keys.map(() => []);
    for (const row of rows) for (const position of row.positions) byPosition[position - 1]?.push(row);
    const results = byPosition.map((found) => {
      const [row] = found;
      if (row === undefined) return NOT_FOUND;
      if (found.length > 1) return { status: LookupStatus.AMBIGUOUS, userIds: found.map(({ id }) => id) };
      return { status: LookupStatus.FOUND, user: toUser(row) };
    });
    return { results };
  };
