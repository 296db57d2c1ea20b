import { aggregateKey } from "../versions/aggregate.ts";
import type { Notification } from "../versions/notification.ts";
import type { CacheCore, CacheLimits, CachePorts } from "./core.ts";
import { createDatabaseClock } from "./database-clock.ts";
import { type Rules, safeRules } from "./lease.ts";
import { createLevel1, type Level1 } from "./level1.ts";
import { createLevel2 } from "./level2.ts";
import { createLookup, type LookupOfLoaded } from "./lookup.ts";
import type { Source } from "./ports.ts";
import { type CacheStats, createCacheStats } from "./stats.ts";

/** The cache of leases and entries (docs/consistency.md). It stays correct when the shared store loses data and notifications get lost. */
export type Cache = {
  /** Makes the lookup of one kind of content; `prepare` turns plain content into what operations use. */
  readonly lookup: <K, T, V>(source: Source<K, T>, prepare: (content: T, key: K) => V) => LookupOfLoaded<K, T, V>;
  /** Handles a commit of this process: its next reads see the write, and the other processes are notified. */
  readonly committed: (notification: Notification) => void;
  /** Handles the notification of a commit of another process: the entries that it outdates are not served any more. */
  readonly notified: (notification: Notification) => void;
  /** Returns the latest time that the database's clock can show now, in ms since the epoch; -Infinity before its first answer. */
  readonly databaseTime: () => number;
  readonly stats: CacheStats;
  readonly level1: Pick<Level1, "entries" | "bytes" | "expire">;
  /** Returns the state of the shared store's breakers, the worse of the two: 0 closed, 1 half open, 2 open. */
  readonly breakerState: () => number;
};

/** Makes the cache. `rules` are the decisions of its protocol; only the simulation, a test, passes other rules than `safeRules`. */
export const createCache = ({ clock, store, bus, isUnreachable }: CachePorts, limits: CacheLimits, rules: Rules = safeRules): Cache => {
  const stats = createCacheStats();
  const level1 = createLevel1(limits);
  const databaseClock = createDatabaseClock();
  const level2 = store && createLevel2({ store, clock, databaseClock, rules, stats }, limits);
  /** The current epoch. A statement sent before `since` may show an older epoch; `isShown` = a read has shown it, and not only a commit. */
  let current: { readonly epoch: string; readonly since: number; readonly isShown: boolean } | undefined;

  const enter = (epoch: string, since: number, isShown: boolean): void => {
    if (current?.epoch !== epoch) {
      if (current !== undefined) stats.epochs += 1;
      level1.forget();
      // Another machine has another clock.
      databaseClock.reset();
    }
    current = { epoch, since, isShown };
  };

  const observe: CacheCore["observe"] = ({ epoch, databaseTime, sent, answered }) => {
    if (current?.epoch !== epoch || !current.isShown) {
      // It may be the answer, come late, of a database that has been replaced.
      if (current !== undefined && sent <= current.since) return false;
      enter(epoch, answered, true);
    }
    if (!databaseClock.observe(sent, answered, databaseTime)) {
      level1.distrust();
      level2?.distrust();
    }
    return true;
  };

  const core: CacheCore = {
    ...limits,
    clock,
    isUnreachable,
    rules,
    level1,
    level2,
    stats,
    epoch: () => (current?.isShown ? current.epoch : undefined),
    observe,
  };

  return {
    lookup: (source, prepare) => createLookup(core, source, prepare),
    committed: (notification) => {
      const { epoch, aggregates } = notification;
      // Nobody knows which of two epochs is the newer one: only what is sent from now on tells.
      if (current?.epoch !== epoch) enter(epoch, clock.now(), false);
      for (const aggregate of aggregates) {
        const name = aggregateKey(aggregate);
        const cached = level1.lease(name);
        // Without trust, so that what has no version, the times of activity, is read anew on this process too.
        const known = cached && { ...cached, time: -Infinity, databaseTime: -Infinity };
        level1.renew(name, rules.invalidate(known, { epoch, version: aggregate.version }));
      }
      level2?.invalidate(notification);
      bus?.publish(notification);
    },
    notified: ({ epoch, aggregates }) => {
      stats.notifications += 1;
      for (const aggregate of aggregates) {
        const name = aggregateKey(aggregate);
        const cached = level1.lease(name);
        // What is not held needs no notification, and would only fill the memory.
        if (cached?.epoch === epoch) level1.renew(name, rules.invalidate(cached, { epoch, version: aggregate.version }));
      }
    },
    databaseTime: () => clock.now() + (databaseClock.lastOffset() ?? -Infinity),
    stats,
    level1,
    breakerState: () => level2?.breakerState() ?? 0,
  };
};
