import type { MessageInitShape } from "@bufbuild/protobuf";
import { sql } from "kysely";
import type { Freshness } from "../cache/freshness.ts";
import type { Operation } from "../call.ts";
import { handleOf } from "../db/handles.ts";
import type { Database } from "../db/orm.ts";
import { UserView } from "../gen/users/v1/user_pb.ts";
import { type LookupResultSchema, LookupStatus, type UserKey, type UserService } from "../gen/users/v1/user_service_pb.ts";
import { toUser } from "./user.mapping.ts";
import { selectUsers, type UserRow } from "./user.select.ts";

type Found = UserRow & { readonly positions: number[] };

/** A key as a row: the id is the user's, or that of the identity's provider; the text is a handle, or the external id. */
const columnsOf = ({ key }: UserKey): { kind: string; id: string | null; text: string | null } => {
  switch (key.case) {
    case "id":
      return { kind: key.case, id: String(key.value), text: null };
    case "identity":
      return { kind: key.case, id: String(key.value.providerId), text: key.value.externalId };
    default:
      return { kind: key.case ?? "", id: null, text: handleOf(key.value ?? "") };
  }
};

/** The users that the keys name, each once, with the positions of the keys that name it: one statement. */
const matchedUsers = (keys: readonly UserKey[], onlyVerified: boolean) => {
  // As three arrays: the statement has the same text for any number of keys.
  const rows = keys.map(columnsOf);
  const [kinds, ids, texts] = [rows.map(({ kind }) => kind), rows.map(({ id }) => id), rows.map(({ text }) => text)];
  return sql<{ id: bigint; positions: number[] }>`(
    with wanted as (
      select * from unnest(${kinds}::text[], ${ids}::bigint[], ${texts}::text[]) with ordinality as k (kind, id, text, position)
    )
    select user_id as id, array_agg(position::int) as positions from (
      select u.id as user_id, position from wanted join users u on u.id = wanted.id where kind = 'id'
      union all
      select u.id, position from wanted join users u on u.username_handle = text where kind = 'username'
      union all
      select e.user_id, position from wanted join user_email e on e.email_handle = text
        where kind = 'email' and (e.is_verified or not ${onlyVerified}::boolean)
      union all
      select i.user_id, position from wanted join identity i on i.provider_id = wanted.id and i.external_id = text where kind = 'identity'
    ) match group by user_id
  )`;
};

/**
 * What became of a key. A deleted user keeps its names, but does not share them: who is not deleted comes first. By its id
 * it is found like any other.
 */
const resultOf = ({ key }: UserKey, found: readonly Found[]): MessageInitShape<typeof LookupResultSchema> => {
  const live = key.case === "id" ? found : found.filter((row) => row.delete_time === null);
  const [row, ...others] = live;
  if (row !== undefined && others.length === 0) return { status: LookupStatus.FOUND, user: toUser(row) };
  if (row !== undefined) return { status: LookupStatus.AMBIGUOUS, userIds: live.map(({ id }) => id) };
  if (found.length > 0) return { status: LookupStatus.DELETED, userIds: found.map(({ id }) => id) };
  return { status: LookupStatus.NOT_FOUND };
};

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
    const results = request.keys.map((key, index) => resultOf(key, byPosition[index] ?? []));
    return { results };
  };
