import type { Reading } from "../cache/reading.ts";
import { type Call, type MaybePromise, whenBoth } from "../call.ts";
import type { Dependencies } from "../dependencies.ts";
import { areLive } from "./live-scopes.ts";
import { type Scope, ScopeKind } from "./scope.ts";
import { emptied, type HeldOption, type HeldOptions, type OptionsKey, optionsOf } from "./user-options.lookup.ts";

/** An option past its expire_time reads as absent at once, held or not, swept or not. */
export const isAlive = (expireTime: number | null | undefined, databaseTime: () => number): boolean =>
  expireTime === null || expireTime === undefined || expireTime > databaseTime();

/** The options of a scope that have not expired: those of the keys, or all of them; in the order of the keys. */
export const aliveOptions = (held: HeldOptions, keys: readonly string[], databaseTime: () => number): HeldOption[] => {
  const byKey = optionsOf(held);
  const wanted = keys.length === 0 ? byKey.values() : keys.flatMap((key) => byKey.get(key) ?? []);
  return [...wanted].filter((option) => isAlive(option.expireTime, databaseTime));
};

type Lookups = Pick<Dependencies, "userOptions" | "scopeOptions">;

/** What a user has set in one scope. */
export const readUserOptions = (
  { userOptions, scopeOptions }: Lookups,
  call: Call,
  key: OptionsKey,
  reading: Reading,
): MaybePromise<HeldOptions> => {
  const held = userOptions.get(call, key, reading);
  if (key.scope.kind === ScopeKind.GLOBAL) return held;
  return whenBoth(held, areLive(scopeOptions, call, [key.scope], reading), (options, [isLive]) => (isLive ? options : emptied(options)));
};

/** What users have set in the same scopes: for each user, in the order of the scopes. */
export const readAllUserOptions = (
  { userOptions, scopeOptions }: Lookups,
  call: Call,
  { userIds, scopes }: { readonly userIds: readonly bigint[]; readonly scopes: readonly Scope[] },
  reading: Reading,
): MaybePromise<readonly (readonly HeldOptions[])[]> => {
  const keys = userIds.flatMap((userId) => scopes.map((scope) => ({ userId, scope })));
  return whenBoth(userOptions.getAll(call, keys, reading), areLive(scopeOptions, call, scopes, reading), (held, live) =>
    userIds.map((_, user) =>
      scopes.map((__, index) => {
        const options = held[user * scopes.length + index] as HeldOptions;
        return live[index] ? options : emptied(options);
      }),
    ),
  );
};
