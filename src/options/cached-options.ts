import { sql } from "kysely";
import type { ReadConsistency } from "../cache/read-consistency.ts";
import { type Call, type MaybePromise, whenBoth, whenReady } from "../call.ts";
import { PAGE_BYTES, withinPage } from "../db/page.ts";
import type { Dependencies } from "../dependencies.ts";
import { type DomainError, exhausted } from "../errors.ts";
import type { OptionDependencies } from "./dependencies.ts";
import { areLive } from "./live-scopes.ts";
import type { OptionRow } from "./option.mapping.ts";
import { optionColumns } from "./option.select.ts";
import { type Scope, ScopeKind } from "./scope.ts";
import {
  type CachedOption,
  type CachedOptions,
  type Columns,
  emptied,
  filledWith,
  type OptionsKey,
  optionsOf,
} from "./user-options.lookup.ts";

/**
 * Tells whether an option has no expire_time, or one in the future. An expired option reads as absent, even while its row or cache entry exists.
 */
export const isAlive = (expireTime: number | null | undefined, databaseTime: () => number): boolean =>
  expireTime === null || expireTime === undefined || expireTime > databaseTime();

const NONE: ReadonlySet<string> = new Set();

/**
 * Returns the unexpired options of a scope that have the given `keys`, in the order of `keys`. Empty `keys` = all options but the `hidden` ones,
 * ordered by key.
 */
export const aliveOptions = (cached: CachedOptions, keys: readonly string[], databaseTime: () => number, hidden = NONE): CachedOption[] => {
  const byKey = optionsOf(cached);
  const wanted = keys.length === 0 ? byKey.values() : keys.flatMap((key) => byKey.get(key) ?? []);
  return [...wanted].filter(
    ({ expireTime, option }) => isAlive(expireTime, databaseTime) && (hidden.size === 0 || !hidden.has(option.key ?? "")),
  );
};

/** Makes the error RESOURCE_EXHAUSTED RESPONSE_TOO_LARGE, for a read whose options do not fit into one answer. */
export const optionsTooLarge = (): DomainError =>
  exhausted(
    "RESPONSE_TOO_LARGE",
    `The options take more than ${PAGE_BYTES} bytes: name keys, ask for fewer users, or walk the pages of ListOptions.`,
  );

const joined = (parts: readonly CachedOptions[]): Columns => [
  parts.flatMap(({ keys }) => keys),
  parts.flatMap(({ values }) => values),
  parts.flatMap(({ expireTimes }) => expireTimes),
  parts.flatMap(({ rest }) => (rest === "" ? [] : [rest])).join(" "),
];

const columnsOf = (rows: readonly OptionRow[]): Columns => [
  rows.map(({ key }) => key),
  rows.map(({ value }) => value as Columns[1][number]),
  rows.map(({ expire_time }) => expire_time?.getTime() ?? null),
  rows.map(({ id, create_time, update_time, version }) => `${id} ${create_time.getTime()} ${update_time.getTime()} ${version}`).join(" "),
];

/** Reads all options of large scopes by one strong statement. Throws RESOURCE_EXHAUSTED RESPONSE_TOO_LARGE. */
const readWhole = async ({ db }: Pick<Dependencies, "db">, call: Call, scopes: readonly OptionsKey[]): Promise<Columns[]> => {
  const rows = await db.session(call).rows(
    withinPage(sql<OptionRow & { position: number; upto: number }>`
    select ${optionColumns}, w.position::int from unnest(
      ${scopes.map(({ userId }) => String(userId))}::bigint[],
      ${scopes.map(({ scope }) => scope.kind)}::smallint[],
      ${scopes.map(({ scope }) => String(scope.id))}::bigint[]) with ordinality as w (user_id, scope_kind, scope_id, position)
    join user_option o on o.user_id = w.user_id and o.scope_kind = w.scope_kind and o.scope_id = w.scope_id
    order by w.position, o.key`),
  );
  if (Number(rows.at(-1)?.upto ?? 0) >= PAGE_BYTES) throw optionsTooLarge();
  const byPosition = Map.groupBy(rows, ({ position }) => position);
  return scopes.map((_, index) => columnsOf(byPosition.get(index + 1) ?? []));
};

type Lookups = Pick<OptionDependencies, "db" | "userOptions" | "scopeOptions">;

/**
 * Returns the scopes of `cached`, and reads for the large ones among them (`isLarge`) the options of `keys`, or all options if `keys` is empty.
 * @throws RESOURCE_EXHAUSTED RESPONSE_TOO_LARGE when `keys` is empty and an answer can't hold the options.
 */
export const completed = (
  app: Pick<OptionDependencies, "db" | "userOptions">,
  call: Call,
  cached: readonly CachedOptions[],
  keys: readonly string[],
  reading: ReadConsistency,
): MaybePromise<readonly CachedOptions[]> => {
  if (!cached.some(({ isLarge }) => isLarge)) return cached;
  const large = cached.filter(({ isLarge }) => isLarge).map(({ key }) => key);
  const columns =
    keys.length === 0
      ? readWhole(app, call, large)
      : whenReady(
          app.userOptions.getAll(
            call,
            large.flatMap((scope) => keys.map((key) => ({ ...scope, key }))),
            reading,
          ),
          (found) => large.map((_, index) => joined(found.slice(index * keys.length, (index + 1) * keys.length))),
        );
  return whenReady(columns, (read) => {
    const next = read.values();
    return cached.map((scope) => (scope.isLarge ? filledWith(scope, next.next().value as Columns) : scope));
  });
};

/**
 * Reads the options of a user in one scope through the cache; a deleted or purged scope has none. The result for a large scope (`isLarge`) lacks
 * the options: `completed` reads them.
 */
export const readScope = (
  { userOptions, scopeOptions }: Lookups,
  call: Call,
  key: OptionsKey,
  reading: ReadConsistency,
): MaybePromise<CachedOptions> => {
  const cached = userOptions.get(call, key, reading);
  if (key.scope.kind === ScopeKind.GLOBAL) return cached;
  return whenBoth(cached, areLive(scopeOptions, call, [key.scope], reading), (options, [isLive]) => (isLive ? options : emptied(options)));
};

/** Reads the options of a user in one scope through the cache, or only the option with the key `name` if the scope is large. */
export const readScopeFor = (
  app: Lookups,
  call: Call,
  { name, ...scope }: OptionsKey & { readonly name: string },
  reading: ReadConsistency,
): MaybePromise<CachedOptions> =>
  whenReady(readScope(app, call, scope, reading), (cached) =>
    cached.isLarge ? whenReady(completed(app, call, [cached], [name], reading), ([one]) => one as CachedOptions) : cached,
  );

/**
 * Reads options of users in the given scopes: at least those of `keys`, or all if `keys` is empty. Returns one list, in the order of the users, and
 * for each of them of the scopes.
 */
export const readAllUserOptions = (
  app: Lookups,
  call: Call,
  { userIds, scopes, keys }: { readonly userIds: readonly bigint[]; readonly scopes: readonly Scope[]; readonly keys: readonly string[] },
  reading: ReadConsistency,
): MaybePromise<readonly CachedOptions[]> => {
  const { userOptions, scopeOptions } = app;
  const wanted = userIds.flatMap((userId) => scopes.map((scope) => ({ userId, scope })));
  const live = whenBoth(userOptions.getAll(call, wanted, reading), areLive(scopeOptions, call, scopes, reading), (cached, isLive) =>
    isLive.every(Boolean) ? cached : cached.map((options, index) => (isLive[index % scopes.length] ? options : emptied(options))),
  );
  return whenReady(live, (cached) => completed(app, call, cached, keys, reading));
};
