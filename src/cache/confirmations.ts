import type { CacheCore, CacheKey } from "./core.ts";
import type { Entry } from "./level1.ts";
import type { Source, Versions } from "./ports.ts";
import { createSharedSignal, type Ending, type SharedSignal } from "./shared-signal.ts";

/**
 * The entries in memory that a read asks about: those whose versions the database has now, in the order of the keys. An entry with another
 * version is undefined.
 */
type Confirmed<V> = readonly (Entry<V> | undefined)[];

/**
 * Asks the database for the versions of what is in memory, instead of its contents: an entry of the version that the database has now is what a
 * load would bring (I3). Undefined = not all keys have an entry that is the newest as far as is known, so nothing was asked.
 */
export type Confirm<K, V> = (call: Ending, wanted: readonly CacheKey<K>[]) => Promise<Confirmed<V>> | undefined;

/** The most aggregates of a shared statement. Versions are small, so these are more than the keys that loads share. */
const MAX_SHARED = 200;

type Asked<K, V> = {
  readonly wanted: readonly CacheKey<K>[];
  readonly entries: readonly Entry<V>[];
  readonly resolve: (confirmed: Confirmed<V>) => void;
  readonly reject: (error: unknown) => void;
};

type Batch<K, V> = { readonly asked: Asked<K, V>[]; size: number; readonly signal: SharedSignal };

/**
 * Makes the `Confirm` of one source. Reads of one turn of the event loop share a statement, which is sent after all of them have begun: so it is
 * as strong as each of them asks for.
 */
export const createConfirm = <K, V>(
  { rules, clock, level1, stats, observe, epoch }: CacheCore,
  showVersions: NonNullable<Source<K, unknown>["showVersions"]>,
): Confirm<K, V> => {
  let open: Batch<K, V> | undefined;

  /** Returns the entries of all keys that are the newest as far as is known; undefined = a key has none. */
  const newestOf = (wanted: readonly CacheKey<K>[]): readonly Entry<V>[] | undefined => {
    const entries: Entry<V>[] = [];
    for (const { name } of wanted) {
      const held = level1.held(name);
      const lease = held?.slot.lease;
      if (held === undefined || lease === undefined || !rules.fits(held.value, lease)) return undefined;
      entries.push(held.value as Entry<V>);
    }
    return entries;
  };

  const settle = (asked: readonly Asked<K, V>[], shown: Versions, sent: number): void => {
    const answered = clock.now();
    const isCurrent = observe({ epoch: shown.epoch, databaseTime: shown.databaseTime, sent, answered });
    const { databaseTime } = shown;
    const time = rules.stamp(sent, answered);
    // One string for all that is cached of an epoch: each statement brings a copy.
    const current = (isCurrent ? epoch() : undefined) ?? shown.epoch;
    let next = 0;
    for (const { wanted, entries, resolve } of asked) {
      resolve(
        entries.map((entry, index) => {
          const lease = { epoch: current, version: shown.versions[next++] ?? -1n, time, databaseTime };
          // Of an epoch that has ended nothing counts, and who asked has to ask again.
          if (!isCurrent || !rules.fits(entry, lease)) return undefined;
          const { aggregateName } = wanted[index] as CacheKey<K>;
          if (level1.entry(entry.name) === entry) level1.confirm(entry, lease);
          level1.renew(aggregateName, rules.join(level1.lease(aggregateName), lease));
          return entry;
        }),
      );
    }
  };

  const send = async ({ asked, signal }: Batch<K, V>): Promise<void> => {
    try {
      // Noted before sending: what the statement shows is at least as new as this.
      const sent = clock.now();
      const shown = await showVersions(
        asked.flatMap(({ wanted }) => wanted.map(({ aggregate }) => aggregate)),
        signal.signal(),
      );
      // I12: nothing counts that was read under cancellation.
      signal.throwIfAborted();
      settle(asked, shown, sent);
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  };

  const begin = (): Batch<K, V> => {
    const close = () => {
      if (open === batch) open = undefined;
    };
    const batch: Batch<K, V> = { asked: [], size: 0, signal: createSharedSignal(close) };
    open = batch;
    clock.defer(() => {
      close();
      void send(batch);
    });
    return batch;
  };

  return (call, wanted) => {
    const entries = newestOf(wanted);
    if (entries === undefined) return undefined;
    stats.loads += entries.length;
    return new Promise((resolve, reject) => {
      const batch = open !== undefined && open.size + entries.length <= MAX_SHARED ? open : begin();
      batch.asked.push({ wanted, entries, resolve, reject });
      batch.size += entries.length;
      batch.signal.join(call);
    });
  };
};
