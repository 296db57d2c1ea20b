import type { ReadConsistency } from "../cache/read-consistency.ts";
import { type Call, type MaybePromise, whenReady } from "../call.ts";
import { type Scope, ScopeKind } from "./scope.ts";
import type { CachedScope, ScopeOptions } from "./scope-option.lookup.ts";

/** A scope in which no options can be read. */
const closed: CachedScope = { isLive: false, parentId: undefined, options: new Map() };

/**
 * Reads scopes with their scope options, in the order given. In the result, a scope whose options can't be read, such as a deleted one, has
 * none.
 */
export const readScopes = (
  scopeOptions: ScopeOptions,
  call: Call,
  scopes: readonly Scope[],
  reading: ReadConsistency,
): MaybePromise<readonly CachedScope[]> =>
  whenReady(scopeOptions.getAll(call, scopes, reading), (cached) => {
    const parents = cached.flatMap(({ parentId }) => (parentId === undefined ? [] : [{ kind: ScopeKind.ORGANIZATION, id: parentId }]));
    if (parents.length === 0) return cached.map((scope) => (scope.isLive ? scope : closed));
    return whenReady(scopeOptions.getAll(call, parents, reading), (organizations) => {
      const live = new Set(parents.filter((_, index) => organizations[index]?.isLive).map(({ id }) => id));
      return cached.map((scope) => (scope.isLive && (scope.parentId === undefined || live.has(scope.parentId)) ? scope : closed));
    });
  });

/** Tells for each scope, in the order given, whether options of users can be read in it. If all are the global scope, nothing is looked up. */
export const areLive = (
  scopeOptions: ScopeOptions,
  call: Call,
  scopes: readonly Scope[],
  reading: ReadConsistency,
): MaybePromise<readonly boolean[]> => {
  if (scopes.every(({ kind }) => kind === ScopeKind.GLOBAL)) return scopes.map(() => true);
  return whenReady(readScopes(scopeOptions, call, scopes, reading), (cached) => cached.map(({ isLive }) => isLive));
};
