import { sql } from "kysely";
import type { Call } from "../call.ts";
import { PAGE_BYTES, withinPage } from "../db/page.ts";
import type { BatchGetOptionsRequest } from "../gen/userd/v1/user_option_service_pb.ts";
import { optionsTooLarge } from "./cached-options.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { hiddenKeys } from "./key-access.ts";
import { toUserOption } from "./option.mapping.ts";
import { alive, type OptionOfUser, optionColumns, optionsIn } from "./option.select.ts";
import { ScopeKind } from "./scope.ts";

/**
 * The most pairs of user and scope that one call reads through the cache. A call for more pairs reads the database, since most pairs have no
 * options and would still take a cache entry each.
 */
export const MAX_CACHED_SCOPES = 10_000;

/**
 * Reads the options of users in many projects by one statement, past the cache. The cost depends on the number of options found.
 * @throws RESOURCE_EXHAUSTED RESPONSE_TOO_LARGE when an answer can't hold the options.
 */
export const readManyScopes = async (
  { db, optionScopes, registry }: OptionDependencies,
  call: Call,
  { userIds, projectIds, keys }: BatchGetOptionsRequest,
) => {
  const rows = await db.session(call).rows(
    withinPage(sql<OptionOfUser & { readonly upto: number }>`
    select u.id as found_user, ${optionColumns}
    from users u
    left join user_option o on o.user_id = u.id and o.scope_kind = ${ScopeKind.PROJECT} and o.scope_id = any(${projectIds.map(String)}::bigint[])
      and ${keys.length === 0 ? sql`o.key <> all(${[...hiddenKeys(registry, call)]}::text[])` : sql`o.key = any(${keys}::text[])`} and ${alive} and ${optionScopes.live}
    where u.id = any(${[...new Set(userIds)].map(String)}::bigint[])
    order by u.id, o.scope_kind, o.scope_id, o.key`),
  );
  if (Number(rows.at(-1)?.upto ?? 0) >= PAGE_BYTES) throw optionsTooLarge();
  const known = new Set(rows.map((row) => row.found_user));
  const options = Map.groupBy(optionsIn(rows), (row) => row.user_id);
  return userIds.map((userId) => ({
    userId,
    userFound: known.has(userId),
    options: (options.get(userId) ?? []).map(toUserOption),
  }));
};
