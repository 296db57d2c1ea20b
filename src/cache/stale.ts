import type { CacheCore, CacheKey } from "./core.ts";
import type { Entry } from "./level1.ts";
import type { Source } from "./ports.ts";
import { type ReadConsistency, requirementOf } from "./read-consistency.ts";
import type { Ending } from "./shared-signal.ts";

type Load<K, V> = (call: Ending, wanted: readonly CacheKey<K>[], reading: ReadConsistency) => Promise<readonly Entry<V>[]>;

/** The longest that a caller who takes stale answers waits for the database, in milliseconds: half of the default deadline. */
const PATIENCE_MS = 500;

/**
 * Wraps a load for callers who say how old an answer may be (`max_stale`): the cache answers when the database can't be reached or does not
 * answer within 500 ms. A consistency token still holds: no answer is older than the token demands (invariant I7 of docs/consistency.md).
 */
export const orCached = <K, V>(core: CacheCore, source: Pick<Source<K, unknown>, "mayBeStale">, load: Load<K, V>): Load<K, V> => {
  const { rules, clock, level1, stats, boundMs, isUnreachable } = core;

  type Held = { readonly entry: Entry<V>; readonly ageMs: number; readonly isNewest: boolean };

  const holds = (maxStaleMs: number, { token }: ReadConsistency, now: number) => {
    return ({ aggregate, aggregateName, name }: CacheKey<K>): Held | undefined => {
      const entry = level1.entry(name) as Entry<V> | undefined;
      if (entry === undefined) return undefined;
      const lease = level1.lease(aggregateName);
      const isNewest = lease !== undefined && rules.fits(entry, lease);
      const proof = isNewest ? lease : { ...entry, databaseTime: -Infinity };
      if (token !== undefined && !rules.satisfies(proof, requirementOf(token, aggregate))) return undefined;
      const ageMs = now - Math.max(proof.time, entry.time);
      return ageMs <= maxStaleMs ? { entry, ageMs, isNewest } : undefined;
    };
  };

  /** Sets the age of a read's answer to that of the loaded leases: an entry may come from the shared store or a shared load. */
  const withAges = (loaded: readonly Entry<V>[], reading: ReadConsistency): readonly Entry<V>[] => {
    const now = clock.now();
    for (const { time } of loaded) reading.ageMs = Math.max(reading.ageMs, now - time);
    return loaded;
  };

  const patiently: Load<K, V> = async (call, wanted, reading) => {
    const { maxStaleMs = 0 } = reading;
    const loading = load(call, wanted, reading);
    let cancel = () => {};
    const impatient = new Promise<undefined>((resolve) => {
      cancel = clock.after(PATIENCE_MS, () => resolve(undefined));
    });
    const answer = await Promise.race([loading, impatient])
      .catch((error: unknown) => {
        if (isUnreachable(error)) return undefined;
        throw error;
      })
      .finally(cancel);
    if (answer !== undefined) return withAges(answer, reading);
    const held = wanted.map(holds(maxStaleMs, reading, clock.now()));
    if (!held.every((one) => one !== undefined)) return withAges(await loading, reading);
    // This call does not wait for it any more: its error must not end the process.
    loading.catch(() => {});
    reading.ageMs = Math.max(reading.ageMs, ...held.map(({ ageMs }) => ageMs));
    // I9: what is beyond the bound says so, and so does what a write that is known here has outdated.
    if (reading.ageMs > boundMs || held.some(({ isNewest }) => !isNewest)) {
      reading.stale = true;
      if (reading.foundations !== undefined) reading.foundations.isVoid = true;
      stats.stale += wanted.length;
    }
    return held.map(({ entry }) => entry);
  };

  return (call, wanted, reading) => {
    const { maxStaleMs, strong } = reading;
    if (maxStaleMs === undefined) return load(call, wanted, reading);
    if (strong || !source.mayBeStale) return load(call, wanted, reading).then((loaded) => withAges(loaded, reading));
    return patiently(call, wanted, reading);
  };
};
