import type { JsonValue, MessageInitShape } from "@bufbuild/protobuf";
import { restUntil } from "../cache/certificate.ts";
import { stalenessOf } from "../cache/freshness.ts";
import type { ReadConsistency } from "../cache/read-consistency.ts";
import type { Operation } from "../call.ts";
import { type OptionLevelSchema, OptionSource, type ResolvedOptionSchema } from "../gen/userd/v1/user_option_pb.ts";
import type { ResolveOptionsRequest, UserOptionService } from "../gen/userd/v1/user_option_service_pb.ts";
import { completed, isAlive } from "./cached-options.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { hiddenKeys, requireReadable } from "./key-access.ts";
import { readScopes } from "./live-scopes.ts";
import type { CheckedDefinition } from "./registry/load.ts";
import type { OptionRegistry } from "./registry/registry.ts";
import { type LevelValue, levelOf, levels, type Resolution, resolve } from "./resolution.ts";
import { type Scope, ScopeKind } from "./scope.ts";
import type { CachedScopeOption } from "./scope-option.lookup.ts";
import type { CachedOptions } from "./user-options.lookup.ts";
import { toValue } from "./value.ts";

/** The stored options of one user, as a map from key to values by ScopeKind, and the user's primary address. */
type UserLevels = { readonly userFound: boolean; readonly email: string; readonly options: ReadonlyMap<string, readonly JsonValue[]> };

/** The scope options of the call's scopes, as a map from ScopeKind to a map from key to option. */
type ScopeLevels = ReadonlyMap<ScopeKind, ReadonlyMap<string, CachedScopeOption>>;

/** The scopes of the request; an id of 0 takes no part. */
const scopesOf = ({ projectId, organizationId }: ResolveOptionsRequest): readonly Scope[] => [
  { kind: ScopeKind.GLOBAL, id: 0n },
  ...(organizationId === 0n ? [] : [{ kind: ScopeKind.ORGANIZATION, id: organizationId }]),
  ...(projectId === 0n ? [] : [{ kind: ScopeKind.PROJECT, id: projectId }]),
];

/** Returns the options of one user, keyed by key instead of by scope. */
const levelsOfUser = (
  cached: readonly CachedOptions[],
  scopes: readonly Scope[],
  live: ReadonlySet<Scope>,
  databaseTime: () => number,
  { foundations }: ReadConsistency,
): UserLevels => {
  const options = new Map<string, JsonValue[]>();
  for (const [index, scope] of scopes.entries()) {
    if (!live.has(scope)) continue;
    const { kind } = scope;
    const { keys = [], values = [], expireTimes = [] } = cached[index] ?? {};
    for (const [position, key] of keys.entries()) {
      const expireTime = expireTimes[position];
      if (!isAlive(expireTime, databaseTime)) continue;
      if (typeof expireTime === "number") restUntil(foundations, expireTime);
      const levels = options.get(key) ?? [];
      levels[kind] = values[position] as JsonValue;
      options.set(key, levels);
    }
  }
  return { userFound: cached[0]?.userFound ?? false, email: cached[0]?.email ?? "", options };
};

/** One key of a call, with the levels that all its users share. */
type Key = {
  readonly key: string;
  readonly definition: CheckedDefinition | undefined;
  /** The shared levels in the order of the table; all are below what users have set themselves. */
  readonly shared: readonly LevelValue[];
};

const keyOf = (key: string, scopes: ScopeLevels, registry: OptionRegistry): Key => {
  const definition = registry.get(key);
  const shared: LevelValue[] = [];
  for (const { source, scope, holder } of levels) {
    if (holder === "scope" && scope !== undefined) {
      const option = scopes.get(scope)?.get(key);
      if (option !== undefined) shared.push({ source, value: option.json, locked: option.locked });
    }
    if (holder === "definition" && definition?.default !== undefined) shared.push({ source, value: definition.default, locked: false });
  }
  return { key, definition, shared };
};

/** The levels of one user that have a value: the user's own, the shared ones, and the primary address where that is the default. */
const levelsOf = ({ key, definition, shared }: Key, { email, options }: UserLevels): readonly LevelValue[] => {
  const own = options.get(key);
  const isAddress = definition?.type === "verified_email" && email !== "";
  if (own === undefined && !isAddress) return shared;
  const cached: LevelValue[] = [];
  for (const { source, scope, holder } of levels) {
    const value = holder === "user" && scope !== undefined ? own?.[scope] : undefined;
    if (value !== undefined) cached.push({ source, value, locked: false });
  }
  cached.push(...shared);
  if (isAddress) cached.push({ source: OptionSource.DEFINITION, value: email, locked: false });
  return cached;
};

const toResolvedOption = (
  key: string,
  { value, source, locked }: Resolution,
  trail: MessageInitShape<typeof OptionLevelSchema>[] | undefined,
): MessageInitShape<typeof ResolvedOptionSchema> => ({
  key,
  found: value !== undefined,
  source,
  locked,
  ...(value !== undefined && { value: toValue(value) }),
  ...(trail && { trail }),
});

/** The trail of one key as the API shows it. Only the user's own values are checked against the scopes of the definition. */
const toTrail = (registry: OptionRegistry, key: string, { trail }: Resolution): MessageInitShape<typeof OptionLevelSchema>[] =>
  trail.map(({ source, value, locked }) => {
    const { holder, scope } = levelOf(source);
    const scopeKind = holder === "user" ? scope : undefined;
    const misfit = registry.misfit({ key, value, ...(scopeKind !== undefined && { scopeKind }) });
    return { source, value: toValue(value), locked, invalid: misfit !== undefined };
  });

/** ResolveOptions: computes the effective values of options for many users through the cache, by a few statements for any number of users. */
export const resolveOptions =
  ({
    db,
    userOptions,
    scopeOptions,
    freshness,
    registry,
    databaseTime,
  }: OptionDependencies): Operation<typeof UserOptionService.method.resolveOptions> =>
  async (call, request) => {
    const { userIds, keys, explain } = request;
    for (const key of keys) requireReadable(registry, call, key);
    const hidden = hiddenKeys(registry, call);
    const reading = freshness.reading(request.consistency, request.certify);
    const scopes = scopesOf(request);
    const wanted = userIds.flatMap((userId) => scopes.map((scope) => ({ userId, scope })));
    const [read, ofScopes] = await Promise.all([
      userOptions.getAll(call, wanted, reading),
      readScopes(scopeOptions, call, scopes, reading),
    ]);
    const cached = await completed({ db, userOptions }, call, read, keys, reading);
    const live = new Set(scopes.filter((_, index) => ofScopes[index]?.isLive));
    const shared: ScopeLevels = new Map(scopes.map(({ kind }, index) => [kind, ofScopes[index]?.options ?? new Map()]));
    const everywhere = [...registry.list().map(({ key }) => key), ...ofScopes.flatMap(({ options }) => [...options.keys()])];
    const prepared = new Map<string, Key>();
    const prepare = (key: string): Key => {
      const known = prepared.get(key) ?? keyOf(key, shared, registry);
      prepared.set(key, known);
      return known;
    };
    const requested = keys.map(prepare);
    const keysOf = ({ options }: UserLevels): readonly Key[] =>
      keys.length > 0
        ? requested
        : [...new Set([...everywhere, ...options.keys()])]
            .filter((key) => !hidden.has(key))
            .sort()
            .map(prepare);

    const results = userIds.map((userId, index) => {
      const user = levelsOfUser(cached.slice(index * scopes.length, (index + 1) * scopes.length), scopes, live, databaseTime, reading);
      if (!user.userFound) return { userId, userFound: false };
      const options = keysOf(user).map((key) => {
        const resolution = resolve(levelsOf(key, user), key.definition);
        return toResolvedOption(key.key, resolution, explain ? toTrail(registry, key.key, resolution) : undefined);
      });
      return { userId, userFound: true, options };
    });
    return { results, ...stalenessOf(reading), ...freshness.certificateOf(reading) };
  };
