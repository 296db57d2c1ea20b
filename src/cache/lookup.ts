import type { MaybePromise } from "../call.ts";
import { invalidField } from "../errors.ts";
import { aggregateKey } from "../versions/aggregate.ts";
import { encodeKey } from "../versions/key.ts";
import { type Foundations, restOn, restUntil } from "./certificate.ts";
import { createConfirm } from "./confirmations.ts";
import type { CacheCore, CacheKey } from "./core.ts";
import { createEntryLoads, type LoadedEntry } from "./entry-loads.ts";
import type { Entry } from "./level1.ts";
import type { LoadedTogether, Source } from "./ports.ts";
import { addPart, partOf, type ReadConsistency, requirementOf } from "./read-consistency.ts";
import type { Ending } from "./shared-signal.ts";
import { orCached } from "./stale.ts";

/** The functions that read one kind of content: from memory, else from the shared store, else from the database. */
export type Lookup<K, V> = {
  /** Makes the cache's form of a key, for `cached`. Making its names is most of the cost of a hit, so callers that ask often store it. */
  readonly named: (key: K) => CacheKey<K>;
  /** Returns the content in memory that may answer this read; undefined = none. Nothing is loaded. */
  readonly cached: (wanted: CacheKey<K>, reading: ReadConsistency) => V | undefined;
  readonly get: (call: Ending, key: K, reading: ReadConsistency) => MaybePromise<V>;
  /** Reads contents in the order of the keys, duplicates included; one statement for all that the cache misses. */
  readonly getAll: (call: Ending, keys: readonly K[], reading: ReadConsistency) => MaybePromise<readonly V[]>;
};

/** A lookup whose content can also be loaded by the statements of other lookups. */
export type LookupOfLoaded<K, T, V> = Lookup<K, V> & {
  /** Makes the function that stores content which another source's statement loads; `version` is its aggregate's in that snapshot. */
  readonly loadedTogether: (key: K, version: bigint, content: T) => LoadedTogether;
};

/** Makes the lookup of one source; `prepare` turns plain content into what operations use, once per load. */
export const createLookup = <K, T, V>(
  core: CacheCore,
  source: Source<K, T>,
  prepare: (content: T, key: K) => V,
): LookupOfLoaded<K, T, V> => {
  const { rules, clock, level1, stats, boundMs } = core;
  const prefix = encodeKey(source.name);

  const nameKey = (key: K): CacheKey<K> => {
    const aggregate = source.aggregateOf(key);
    const aggregateName = aggregateKey(aggregate);
    return { key, aggregate, aggregateName, name: `${prefix}${aggregateName}${source.partOf(key)}` };
  };

  /** The entry in memory that may answer a read. This is the hot path: it makes no promise, no timer, and nothing but the two names. */
  const peek = ({ aggregate, name }: CacheKey<K>, { strong, token, shownTogether }: ReadConsistency, now: number): Entry<V> | undefined => {
    // A token has to be held against the database, which peeking does not do.
    if (strong) return token === undefined ? (shownTogether?.get(name) as Entry<V> | undefined) : undefined;
    const held = level1.held(name);
    if (held === undefined) return undefined;
    const entry = held.value as Entry<V>;
    const { lease } = held.slot;
    if (lease === undefined || !rules.fits(entry, lease) || !rules.isYoung(lease, now, boundMs)) return undefined;
    if (source.hasUnversioned === true && now - entry.time > boundMs) return undefined;
    if (token !== undefined && !rules.satisfies(lease, requirementOf(token, aggregate))) return undefined;
    return entry;
  };

  const { join, learn } = createEntryLoads(core, source, prepare);
  const confirm = source.showVersions && createConfirm<K, V>(core, source.showVersions);

  /** Tells whether a loaded entry may answer a read that shared the load, or that another process has answered. */
  const isAcceptable = (
    { aggregate, aggregateName }: CacheKey<K>,
    { shown }: LoadedEntry<V>,
    { token }: ReadConsistency,
    began: number,
  ): boolean => {
    // Versions that were known in an epoch are forgotten with it: what another one has shown can't be compared with them.
    if (shown.epoch !== core.epoch() || !rules.lands(shown, level1.lease(aggregateName), began, boundMs)) return false;
    return token === undefined || rules.satisfies(shown, requirementOf(token, aggregate));
  };

  const assertReached = ({ aggregate }: CacheKey<K>, { epoch, version }: Entry<V>, { token }: ReadConsistency): void => {
    const least = token?.epoch === epoch ? requirementOf(token, aggregate).version : undefined;
    if (least === undefined || version >= least) return;
    throw invalidField("consistency.at_least_as_fresh", "is newer than the database", "TOKEN_INVALID");
  };

  const load = (call: Ending, wanted: readonly CacheKey<K>[], reading: ReadConsistency): Promise<readonly Entry<V>[]> => {
    const began = clock.now();
    // A token of another epoch says nothing about this one, so nothing but the database will do.
    const strong = reading.strong || (reading.token !== undefined && reading.token.epoch !== core.epoch());
    return join(call, wanted, strong).then((joined) => {
      if (strong || joined.every((loaded, index) => isAcceptable(wanted[index] as CacheKey<K>, loaded, reading, began))) {
        return answerOf(wanted, joined, reading);
      }
      return loadAgain(call, wanted, joined, reading, began);
    });
  };

  /** Loads anew what has landed too late for a read, or too early. */
  const loadAgain = async (
    call: Ending,
    wanted: readonly CacheKey<K>[],
    joined: readonly LoadedEntry<V>[],
    reading: ReadConsistency,
    began: number,
  ): Promise<readonly Entry<V>[]> => {
    const isLate = joined.map((loaded, index) => !isAcceptable(wanted[index] as CacheKey<K>, loaded, reading, began));
    const again = wanted.filter((_, index) => isLate[index]);
    const anew = await join(call, again, true);
    let next = 0;
    const all = joined.map((loaded, index) => (isLate[index] ? (anew[next++] as LoadedEntry<V>) : loaded));
    return answerOf(wanted, all, reading);
  };

  /** The entries of what was loaded, which have to have what the token of the read says. */
  const answerOf = (wanted: readonly CacheKey<K>[], loaded: readonly LoadedEntry<V>[], reading: ReadConsistency): readonly Entry<V>[] => {
    // Sent after this read had begun, so it answers the rest of the call too. Who is not strong finds it in memory.
    if (reading.strong && loaded.some(({ loadedTogether }) => loadedTogether !== undefined)) {
      reading.shownTogether ??= new Map();
      for (const { loadedTogether = [] } of loaded) for (const entry of loadedTogether) reading.shownTogether.set(entry.name, entry);
    }
    return loaded.map(({ entry }, index) => {
      assertReached(wanted[index] as CacheKey<K>, entry, reading);
      return entry;
    });
  };

  /** Confirms what a strong read wants, and loads what can't be confirmed. */
  const confirmOrLoad = (call: Ending, wanted: readonly CacheKey<K>[], reading: ReadConsistency): Promise<readonly Entry<V>[]> => {
    const confirming = reading.strong && reading.token === undefined ? confirm?.(call, wanted) : undefined;
    if (confirming === undefined) return load(call, wanted, reading);
    return confirming.then((confirmed) => {
      if (!confirmed.includes(undefined)) return confirmed as readonly Entry<V>[];
      const missing = wanted.filter((_, index) => confirmed[index] === undefined);
      return load(call, missing, reading).then((loaded) => {
        let next = 0;
        return confirmed.map((entry) => entry ?? (loaded[next++] as Entry<V>));
      });
    });
  };

  const loadOrCached = orCached<K, V>(core, source, confirmOrLoad);

  /** The age of an entry, in milliseconds: the time since its load, or since the stamp of its lease, if that is later. */
  const ageOf = ({ aggregateName }: CacheKey<K>, entry: Entry<V>, now: number): number => {
    const lease = level1.lease(aggregateName);
    const proven = lease !== undefined && rules.fits(entry, lease) ? Math.max(entry.time, lease.time) : entry.time;
    return now - proven;
  };

  /** Adds an entry to what an answer rests on: at the time of its lease, or of its load if the lease is about another version. */
  const certify = (foundations: Foundations, { aggregate, aggregateName }: CacheKey<K>, entry: Entry<V>): void => {
    const lease = level1.lease(aggregateName);
    const proven = lease !== undefined && rules.fits(entry, lease) ? Math.max(entry.databaseTime, lease.databaseTime) : entry.databaseTime;
    const { epoch, version } = entry;
    restOn(foundations, aggregate, { epoch, version, databaseTime: proven });
    // No version tells of the times of activity.
    if (source.hasUnversioned === true) restUntil(foundations, entry.databaseTime + boundMs);
  };

  const loadCertified = (call: Ending, wanted: readonly CacheKey<K>[], reading: ReadConsistency): Promise<readonly Entry<V>[]> => {
    const loading = loadOrCached(call, wanted, reading);
    const { foundations } = reading;
    if (foundations === undefined) return loading;
    return loading.then((entries) => {
      for (const [index, entry] of entries.entries()) certify(foundations, wanted[index] as CacheKey<K>, entry);
      return entries;
    });
  };

  const hit = (wanted: CacheKey<K>, reading: ReadConsistency): Entry<V> | undefined => {
    const now = clock.now();
    const entry = peek(wanted, reading, now);
    if (entry === undefined) return undefined;
    stats.hits += 1;
    if (reading.maxStaleMs !== undefined) reading.ageMs = Math.max(reading.ageMs, ageOf(wanted, entry, now));
    if (reading.foundations !== undefined) certify(reading.foundations, wanted, entry);
    return entry;
  };

  /** The contents of all keys, if the cache holds them and the read asks for nothing but them; else undefined. */
  const allCached = (keys: readonly K[], reading: ReadConsistency, now: number): readonly V[] | undefined => {
    if (reading.strong || reading.maxStaleMs !== undefined || reading.foundations !== undefined) return undefined;
    const contents: V[] = [];
    for (const key of keys) {
      const entry = peek(nameKey(key), reading, now);
      if (entry === undefined) return undefined;
      contents.push(entry.content);
    }
    stats.hits += contents.length;
    return contents;
  };

  return {
    named: nameKey,
    cached: (wanted, reading) => hit(wanted, reading)?.content,
    loadedTogether: (key, version, content) => (taken) => {
      stats.loads += 1;
      return learn(nameKey(key), { ...taken, version, content }, taken.isCurrent).entry;
    },
    get: (call, key, reading) => {
      const wanted = nameKey(key);
      const entry = hit(wanted, reading);
      return entry === undefined ? loadCertified(call, [wanted], reading).then(([loaded]) => (loaded as Entry<V>).content) : entry.content;
    },
    getAll: (call, keys, reading) => {
      const now = clock.now();
      const hits = allCached(keys, reading, now);
      if (hits !== undefined) return hits;
      const wanted: CacheKey<K>[] = [];
      const cached: (Entry<V> | undefined)[] = [];
      const missing: CacheKey<K>[] = [];
      for (const key of keys) {
        const one = nameKey(key);
        const entry = peek(one, reading, now);
        wanted.push(one);
        cached.push(entry);
        if (entry === undefined) missing.push(one);
        else if (reading.foundations !== undefined) certify(reading.foundations, one, entry);
      }
      stats.hits += wanted.length - missing.length;
      /** The age of the oldest hit, in milliseconds; 0 for a read that does not take stale answers. */
      const ageOfHits = (now: number): number => {
        if (reading.maxStaleMs === undefined) return 0;
        return Math.max(...cached.map((entry, index) => (entry === undefined ? 0 : ageOf(wanted[index] as CacheKey<K>, entry, now))));
      };
      const contentsOf = (entries: readonly Entry<V>[]) => entries.map(({ content }) => content);
      if (missing.length === 0) {
        reading.ageMs = Math.max(reading.ageMs, ageOfHits(now));
        return contentsOf(cached as Entry<V>[]);
      }
      const first = partOf(reading);
      return loadCertified(call, missing, first).then((loaded) => {
        // They have aged while the rest was waited for: beside stale ones they may be older than the caller takes.
        const ageMs = ageOfHits(clock.now());
        if ((reading.stale || first.stale) && ageMs > (reading.maxStaleMs ?? Infinity)) {
          // What the first load has found is not in the answer, nor is its staleness.
          const second = partOf(reading);
          return loadCertified(call, wanted, second).then((entries) => {
            addPart(reading, second);
            return contentsOf(entries);
          });
        }
        addPart(reading, first);
        reading.ageMs = Math.max(reading.ageMs, ageMs);
        let next = 0;
        return contentsOf(cached.map((entry) => entry ?? (loaded[next++] as Entry<V>)));
      });
    },
  };
};
