import type { CacheCore, CacheKey } from "./core.ts";
import { createFlights, type Flights } from "./flights.ts";
import type { Lease } from "./lease.ts";
import { type Entry, preparedBytes } from "./level1.ts";
import type { Leased } from "./level2.ts";
import { createLoader } from "./loader.ts";
import type { Source } from "./ports.ts";
import type { SharedSignal } from "./shared-signal.ts";

/** The entry that a load has made, the lease under which it was shown, and the entries that were loaded together with it. */
export type LoadedEntry<V> = { readonly entry: Entry<V>; readonly shown: Lease; readonly loadedTogether?: readonly Entry[] };

/** The loads of one source's entries, from the shared store or the database. */
export type EntryLoads<K, T, V> = {
  /** Loads entries, together with other calls that want the same ones. */
  readonly join: Flights<CacheKey<K>, LoadedEntry<V>>["join"];
  /** Makes an entry of what a statement has shown of one key; the entry is kept, unless another epoch may have begun. */
  readonly learn: (wanted: CacheKey<K>, shown: Leased<T>, isCurrent: boolean) => LoadedEntry<V>;
};

/** Makes the loads of one source; `prepare` turns plain content into what operations use, once per load. */
export const createEntryLoads = <K, T, V>(
  core: CacheCore,
  source: Source<K, T>,
  prepare: (content: T, key: K) => V,
): EntryLoads<K, T, V> => {
  const { rules, clock, level1, level2, stats, boundMs } = core;
  const loader = createLoader(source, clock);

  /**
   * Makes an entry, or returns the one in memory if that has the same content. So what was made of it since, such as encoded answers, stays (I3), and
   * a load that finds nothing new leaves nothing behind that lives long: that was most of what the collector had to do for misses.
   */
  const toEntry = ({ key, aggregateName, name }: CacheKey<K>, { epoch, version, time, databaseTime, content }: Leased<T>): Entry<V> => {
    const before = level1.entry(name) as Entry<V> | undefined;
    if (before?.version === version && before.epoch === epoch && source.hasUnversioned !== true) return before;
    const prepared = Object.freeze(prepare(content, key));
    return { name, aggregateName, epoch, version, time, databaseTime, content: prepared, bytes: preparedBytes(content) };
  };

  /** Stores an entry and its lease, unless something newer is held. */
  const keep = (entry: Entry<V>, shown: Lease): void => {
    if (boundMs === 0) return;
    const cached = level1.entry(entry.name);
    if (cached === entry) level1.confirm(entry, shown);
    else if (cached === undefined || cached.epoch !== entry.epoch || cached.version <= entry.version) level1.put(entry);
    level1.renew(entry.aggregateName, rules.join(level1.lease(entry.aggregateName), shown));
  };

  const learn = (wanted: CacheKey<K>, shown: Leased<T>, isCurrent: boolean): LoadedEntry<V> => {
    const entry = toEntry(wanted, shown);
    if (isCurrent) {
      keep(entry, shown);
      level2?.write(wanted.aggregateName, wanted.name, shown);
    }
    return { entry, shown };
  };

  const fromLevel2 = async (wanted: CacheKey<K>): Promise<LoadedEntry<V> | undefined> => {
    const epoch = core.epoch();
    if (level2 === undefined || epoch === undefined) return undefined;
    const { aggregateName, name } = wanted;
    const shared = (await level2.read({ epoch, aggregate: aggregateName, name, hasUnversioned: source.hasUnversioned === true })) as
      | Leased<T>
      | undefined;
    // What was learned meanwhile is not unlearned.
    const known = level1.lease(aggregateName);
    if (shared === undefined || core.epoch() !== epoch) return undefined;
    if (known !== undefined && (known.epoch !== epoch || known.version > shared.version)) return undefined;
    const entry = toEntry(wanted, shared);
    keep(entry, shared);
    stats.level2Hits += 1;
    return { entry, shown: shared };
  };

  const fromDatabase = async (wanted: readonly CacheKey<K>[], waiting: SharedSignal, onSend: () => void): Promise<LoadedEntry<V>[]> => {
    if (wanted.length === 0) return [];
    stats.loads += wanted.length;
    const keys = wanted.map(({ key }) => key);
    const { shown, first } = await loader.load(keys, waiting, onSend);
    // I12: nothing that was read under cancellation is kept.
    waiting.throwIfAborted();
    const isCurrent = core.observe(shown);
    const { databaseTime, sent, answered, versions, contents, loadedTogether } = shown;
    // One string for all that is cached of an epoch: each statement brings a copy.
    const epoch = (isCurrent ? core.epoch() : undefined) ?? shown.epoch;
    const taken = { epoch, time: rules.stamp(sent, answered), databaseTime, isCurrent };
    return wanted.map((one, index) => {
      const { time } = taken;
      const at = first + index;
      const loaded = learn(one, { epoch, version: versions[at] ?? 0n, time, databaseTime, content: contents[at] as T }, isCurrent);
      const others = loadedTogether?.[at];
      return others === undefined || others.length === 0 ? loaded : { ...loaded, loadedTogether: others.map((other) => other(taken)) };
    });
  };

  const flights = createFlights<CacheKey<K>, LoadedEntry<V>>(core, async (wanted, { strong, waiting, onSend }) => {
    if (strong || level2 === undefined) return fromDatabase(wanted, waiting, onSend);
    const shared = await Promise.all(wanted.map(fromLevel2));
    const loaded = await fromDatabase(
      wanted.filter((_, index) => shared[index] === undefined),
      waiting,
      onSend,
    );
    let next = 0;
    return wanted.map((_, index) => shared[index] ?? (loaded[next++] as LoadedEntry<V>));
  });

  return { join: flights.join, learn };
};
