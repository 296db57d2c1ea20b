import { sql } from "kysely";
import type { Operation } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { BatchGetOptionsRequest, UserOptionService } from "../gen/users/v1/user_option_service_pb.ts";
import { type OptionRow, toUserOption } from "./option.mapping.ts";
import { alive, type OptionOfUser, optionColumns, optionsIn } from "./option.select.ts";
import { ScopeKind, scopeOf } from "./scope.ts";

/** Which scopes: those of the projects when there are any, else the one that the two fields name. */
const scopesOf = (request: BatchGetOptionsRequest) => {
  const { projectIds } = request;
  if (projectIds.length > 0) return sql`o.scope_kind = ${ScopeKind.PROJECT} and o.scope_id = any(${projectIds.map(String)}::bigint[])`;
  const scope = scopeOf(request);
  return sql`o.scope_kind = ${scope.kind} and o.scope_id = ${scope.id}`;
};

const byUser = (rows: readonly OptionRow[]): Map<bigint, OptionRow[]> => Map.groupBy(rows, (row) => row.user_id);

/** BatchGetOptions: one statement, whatever the number of users and keys. */
export const batchGetOptions =
  ({
    db,
    freshness,
    optionScopes,
  }: Pick<Dependencies, "db" | "freshness" | "optionScopes">): Operation<typeof UserOptionService.method.batchGetOptions> =>
  async (call, request) => {
    const { userIds, keys } = request;
    await freshness.check(call, request.consistency);
    const ofKeys = keys.length === 0 ? sql`true` : sql`o.key = any(${keys}::text[])`;
    const { rows } = await sql<OptionOfUser>`
      select u.id as found_user, ${optionColumns}
      from users u
      left join user_option o on o.user_id = u.id and ${scopesOf(request)} and ${ofKeys} and ${alive} and ${optionScopes.live}
      where u.id = any(${[...new Set(userIds)].map(String)}::bigint[])
      order by u.id, o.scope_kind, o.scope_id, o.key`.execute(db.sql, db.abort(call));
    const known = new Set(rows.map((row) => row.found_user));
    const options = byUser(optionsIn(rows));
    const results = userIds.map((userId) => ({
      userId,
      userFound: known.has(userId),
      options: (options.get(userId) ?? []).map(toUserOption),
    }));
    return { results };
  };
