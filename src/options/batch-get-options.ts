import { stalenessOf } from "../cache/freshness.ts";
import { type Operation, whenReady } from "../call.ts";
import type { BatchGetOptionsRequest, UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import { aliveOptions, readAllUserOptions } from "./cached-options.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { hiddenKeys, requireReadable } from "./key-access.ts";
import { MAX_CACHED_SCOPES, readManyScopes } from "./many-scopes.ts";
import { type Scope, ScopeKind, scopeOf } from "./scope.ts";

/** The scopes of a request: its projects if it names any, else the scope of its two fields. */
const scopesOf = (request: BatchGetOptionsRequest): readonly Scope[] => {
  const projects = [...new Set(request.projectIds)].sort((a, b) => (a < b ? -1 : 1));
  return projects.length === 0 ? [scopeOf(request)] : projects.map((id) => ({ kind: ScopeKind.PROJECT, id }));
};

/** BatchGetOptions: reads options of many users through the cache. One statement reads all that the cache lacks. */
export const batchGetOptions =
  (app: OptionDependencies): Operation<typeof UserOptionService.method.batchGetOptions> =>
  (call, request) => {
    const { userIds } = request;
    const { freshness, databaseTime } = app;
    const scopes = scopesOf(request);
    for (const key of request.keys) requireReadable(app.registry, call, key);
    const hidden = hiddenKeys(app.registry, call);
    if (userIds.length * scopes.length > MAX_CACHED_SCOPES) {
      return whenReady(freshness.check(call, request.consistency), async () => ({ results: await readManyScopes(app, call, request) }));
    }
    const reading = freshness.reading(request.consistency);
    const keys = [...new Set(request.keys)].sort();
    return whenReady(readAllUserOptions(app, call, { userIds, scopes, keys }, reading), (users) => {
      const results = users.map((cached, index) => ({
        userId: userIds[index] ?? 0n,
        userFound: cached[0]?.userFound ?? false,
        options: cached.flatMap((options) => aliveOptions(options, keys, databaseTime, hidden).map(({ option }) => option)),
      }));
      return { results, ...stalenessOf(reading) };
    });
  };
