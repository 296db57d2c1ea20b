import { sql } from "kysely";
import { stalenessOf } from "../cache/freshness.ts";
import type { Call, Operation } from "../call.ts";
import { MAX_PAGE_SIZE, type Page, withinPage } from "../db/page.ts";
import { ListOptionsRequestSchema, type UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import { userNotFound } from "../users/get-user.ts";
import { aliveOptions, readScope } from "./cached-options.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { hiddenKeys } from "./key-access.ts";
import { type OptionRow, toUserOption } from "./option.mapping.ts";
import { alive, type OptionOfUser, optionColumns, optionsIn } from "./option.select.ts";
import { type Scope, scopeConflict, scopeOf } from "./scope.ts";
import type { CachedOptions } from "./user-options.lookup.ts";
import { sentBytes } from "./value.ts";

/** Reads a page of all scopes, or of one, from the database: the cache has no entry for all scopes of a user. */
const readFromDatabase = async (
  { db, optionScopes, registry }: OptionDependencies,
  call: Call,
  userId: bigint,
  page: Page,
  scope?: Scope,
) => {
  const [kind = "-1", id = "0", key = ""] = page.after ?? [];
  const inScope = scope === undefined ? sql`true` : sql`o.scope_kind = ${scope.kind} and o.scope_id = ${scope.id}`;
  const hidden = [...hiddenKeys(registry, call)];
  const rows = await db.session(call).rows(
    withinPage(sql<OptionOfUser>`
    select u.id as found_user, ${optionColumns}
    from users u left join user_option o on o.user_id = u.id and ${inScope} and ${alive} and ${optionScopes.live}
      and o.key <> all(${hidden}::text[]) and (o.scope_kind, o.scope_id, o.key) > (${kind}::smallint, ${id}::bigint, ${key}::text)
    where u.id = ${userId}
    order by o.scope_kind, o.scope_id, o.key limit ${page.size + 1}`),
  );
  if (rows.length === 0) throw userNotFound();
  const { rows: shown, nextPageToken } = page.cut(optionsIn(rows), placeOf, ({ bytes, value }) => sentBytes(bytes, value));
  return { options: shown.map(toUserOption), nextPageToken };
};

const placeOf = ({ scope_kind, scope_id, key }: OptionRow) => [scope_kind, scope_id, key];

/** Returns a page of a cached scope. Such a scope takes at most four times its stored bytes, for which an answer always has room. */
const readCached = ({ databaseTime, registry }: OptionDependencies, call: Call, cached: CachedOptions, page: Page, { kind, id }: Scope) => {
  const hidden = hiddenKeys(registry, call);
  const alive = aliveOptions(cached, [], databaseTime, hidden);
  const [, , after] = page.after ?? [];
  const options = after === undefined ? alive : alive.filter(({ option }) => (option.key ?? "") > after);
  const { rows, nextPageToken } = page.cut(options.slice(0, page.size + 1), ({ option }) => [kind, id, option.key ?? ""]);
  return { options: rows.map(({ option }) => option), nextPageToken };
};

/**
 * ListOptions: reads a page of a user's options: those of one scope through the cache; those of all scopes, or of a large one, from the
 * database.
 */
export const listOptions =
  (app: OptionDependencies): Operation<typeof UserOptionService.method.listOptions> =>
  async (call, request) => {
    const { userId, allScopes, projectId, organizationId, consistency } = request;
    const page = app.pager(call, ListOptionsRequestSchema, request, MAX_PAGE_SIZE);
    if (allScopes) {
      if (projectId !== 0n || organizationId !== 0n) throw scopeConflict("all_scopes goes with neither project_id nor organization_id");
      await app.freshness.check(call, consistency);
      return readFromDatabase(app, call, userId, page);
    }
    const reading = app.freshness.reading(consistency);
    const scope = scopeOf(request);
    const cached = await readScope(app, call, { userId, scope }, reading);
    if (!cached.userFound) throw userNotFound();
    if (cached.isLarge) return readFromDatabase(app, call, userId, page, scope);
    return { ...readCached(app, call, cached, page, scope), ...stalenessOf(reading) };
  };
