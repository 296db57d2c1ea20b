import { aggregateKey } from "../versions/aggregate.ts";
import { encodeKey } from "../versions/key.ts";
import type { Notification } from "../versions/notification.ts";
import { createBreaker, type Use } from "./breaker.ts";
import type { DatabaseClock } from "./database-clock.ts";
import type { Lease, Rules } from "./lease.ts";
import type { Clock, Store } from "./ports.ts";
import type { CacheStats } from "./stats.ts";

/** A content, with the lease under which it may be served. */
export type Leased<T> = Lease & { readonly content: T };

/** The cache in the store that processes share. Failures of the store never fail a read or a write (invariant I10 of docs/consistency.md). */
export type Level2 = {
  /** Reads a content from the store; undefined when it is not there, its lease is too old, or the store fails. */
  readonly read: (wanted: SharedRead) => Promise<Leased<unknown> | undefined>;
  readonly write: (aggregate: string, name: string, leased: Leased<unknown>) => void;
  /** Replaces the leases of the aggregates in the notification by leases of the new versions, which are too old for all reads. */
  readonly invalidate: (notification: Notification) => void;
  /** Stops all reads from the store for the time of the staleness bound, since the age of what is stored is not known. */
  readonly distrust: () => void;
  readonly breakerState: () => number;
};

/** The data that identifies the content that a read wants from the shared store. */
export type SharedRead = {
  readonly epoch: string;
  readonly aggregate: string;
  readonly name: string;
  /** Tells whether the entry itself has to be as young as a lease, since it has values whose changes raise no version. */
  readonly hasUnversioned: boolean;
};

/** The longest that a call waits for the shared store, in milliseconds. */
export const LEVEL2_BUDGET_MS = 50;
/** The most writes in progress; further ones are dropped, since no call needs them. */
const MAX_WRITES = 1_000;

/** The format of contents in the store. It changes with their form, since processes of two releases share a store. */
const FORMAT = "4";

type StoredLease = { readonly aggregate: string; readonly epoch: string; readonly version: bigint; readonly databaseTime: number };
type StoredEntry = {
  readonly name: string;
  readonly epoch: string;
  readonly version: bigint;
  /** The time when the content was loaded, by the clock of the database. */
  readonly databaseTime: number;
  readonly content: unknown;
};

const leaseKey = (epoch: string, aggregate: string): string => `${encodeKey("userd", FORMAT, "lease", epoch)}${aggregate}`;
const entryKey = (epoch: string, name: string, version: bigint): string => `${encodeKey("userd", FORMAT, "entry", epoch, version)}${name}`;

/** Ends the wait for the store after the budget; a later answer is dropped. */
const within = <T>(clock: Clock, pending: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const cancel = clock.after(LEVEL2_BUDGET_MS, () => reject(new Error("The shared cache took too long.")));
    pending.then(resolve, reject).finally(cancel);
  });

type Parts = {
  readonly store: Store;
  readonly clock: Clock;
  readonly databaseClock: DatabaseClock;
  readonly rules: Rules;
  readonly stats: CacheStats;
};

/** Makes the second level of the cache, over a store that processes share. */
export const createLevel2 = (
  { store, clock, databaseClock, rules, stats }: Parts,
  { boundMs, ttlMs }: { readonly boundMs: number; readonly ttlMs: number },
): Level2 => {
  const opened = (isOnset: boolean) => {
    stats.breakerWindows += 1;
    if (isOnset) stats.breakerOnsets += 1;
  };
  /**
   * The breakers of reads and of writes. With one for both, the writes of a slow store, single commands within the budget, would make up
   * for ever for reads, two commands beyond it. And the writes that a full store refuses would stop the reads that it still answers.
   */
  const breakers = { reads: createBreaker(opened), writes: createBreaker(opened) };
  let writes = 0;
  let distrustedUntil = -Infinity;

  /** Does a piece of work within the budget and reports to the breaker how it ended; undefined = it failed. */
  const attempt = async <T>(use: Use, work: () => Promise<T>): Promise<{ readonly result: T } | undefined> => {
    try {
      const result = await within(clock, work());
      use.succeeded();
      return { result };
    } catch {
      stats.level2Failures += 1;
      use.failed(clock.now());
      return undefined;
    }
  };

  const put = (entries: readonly (readonly [key: string, value: unknown, ttlMs: number])[]): void => {
    if (writes + entries.length > MAX_WRITES) {
      stats.level2Dropped += entries.length;
      return;
    }
    const use = breakers.writes.admit(clock.now());
    if (use === undefined) return;
    writes += entries.length;
    // Async, so that a store that throws at one of them does not leave the others' failures to nobody.
    void attempt(use, () => Promise.all(entries.map(async ([key, value, ttl]) => store.set(key, value, ttl)))).finally(() => {
      writes -= entries.length;
    });
  };

  const read = async ({ epoch, aggregate, name, hasUnversioned }: SharedRead): Promise<Leased<unknown> | undefined> => {
    const lease = (await store.get(leaseKey(epoch, aggregate))) as StoredLease | undefined;
    const offset = databaseClock.offset(clock.now());
    if (lease === undefined || offset === undefined) return undefined;
    // I11: a client of the store that has lost count of its replies gives the answer to another question.
    if (lease.aggregate !== aggregate || lease.epoch !== epoch) return undefined;
    const { version, databaseTime } = lease;
    const shown = { epoch, version, databaseTime, time: rules.localTime(databaseTime, offset) };
    if (!rules.isYoung(shown, clock.now(), boundMs)) return undefined;
    const entry = (await store.get(entryKey(epoch, name, version))) as StoredEntry | undefined;
    const isIt = entry?.name === name && entry.epoch === epoch && entry.version === version;
    if (!isIt) return undefined;
    if (!hasUnversioned) return { ...shown, content: entry.content };
    const loaded = { ...shown, databaseTime: entry.databaseTime, time: rules.localTime(entry.databaseTime, offset) };
    return rules.isYoung(loaded, clock.now(), boundMs) ? { ...loaded, content: entry.content } : undefined;
  };

  return {
    read: async (wanted) => {
      const now = clock.now();
      if (now < distrustedUntil) return undefined;
      const use = breakers.reads.admit(now);
      if (use === undefined) return undefined;
      const attempted = attempt(use, () => read(wanted));
      // Nobody waits for a trial: all that share this read's flight would.
      if (use.isTrial) return undefined;
      const outcome = await attempted;
      if (outcome === undefined) stats.level2Waits += 1;
      return outcome?.result;
    },
    write: (aggregate, name, { epoch, version, databaseTime, content }) => {
      const entry: StoredEntry = { name, epoch, version, databaseTime, content };
      // Jitter: what was filled together does not expire together.
      const ttl = ttlMs * (0.8 + 0.2 * Math.random());
      put([
        [entryKey(epoch, name, version), entry, ttl],
        [leaseKey(epoch, aggregate), { aggregate, epoch, version, databaseTime } satisfies StoredLease, boundMs],
      ]);
    },
    invalidate: ({ epoch, aggregates }) => {
      put(
        aggregates.map((versioned) => {
          const aggregate = aggregateKey(versioned);
          const { version } = versioned;
          return [leaseKey(epoch, aggregate), { aggregate, epoch, version, databaseTime: -Infinity } satisfies StoredLease, boundMs];
        }),
      );
    },
    distrust: () => {
      distrustedUntil = clock.now() + boundMs;
    },
    breakerState: () => Math.max(...Object.values(breakers).map(({ state }) => state(clock.now()))),
  };
};
