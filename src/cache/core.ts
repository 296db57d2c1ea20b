import type { Aggregate } from "../versions/aggregate.ts";
import type { Rules } from "./lease.ts";
import type { Level1 } from "./level1.ts";
import type { Level2 } from "./level2.ts";
import type { Bus, Clock, Store } from "./ports.ts";
import type { CacheStats } from "./stats.ts";

/** The limits of the cache in time and memory. */
export type CacheLimits = {
  /** The staleness bound, in milliseconds: no default read answers what was outdated longer ago. 0 = nothing is cached. */
  readonly boundMs: number;
  /** The life of an entry, in milliseconds. */
  readonly ttlMs: number;
  /** The most memory of this process that the cache takes, in bytes. */
  readonly maxBytes: number;
};

/** The dependencies of the cache: `Clock`, `Store`, `Bus`, and the check whether an error means that the database can't be reached. */
export type CachePorts = {
  readonly clock: Clock;
  readonly store?: Store | undefined;
  readonly bus?: Bus | undefined;
  /** Tells whether an error says that the database can't be reached. */
  readonly isUnreachable: (error: unknown) => boolean;
};

/** The clock, limits, rules, memory, shared store and counts of a cache, which all its lookups share. */
export type CacheCore = Pick<CachePorts, "clock" | "isUnreachable"> &
  CacheLimits & {
    readonly rules: Rules;
    readonly level1: Level1;
    readonly level2: Level2 | undefined;
    readonly stats: CacheStats;
    /** Returns the epoch that the database showed last; undefined before its first answer. */
    readonly epoch: () => string | undefined;
    /**
     * Records the epoch and the times of an answer of the database. Call it before you store what the answer showed.
     * @returns false when the answer may come from an epoch that has ended: such an answer must not be stored.
     */
    readonly observe: (answer: { epoch: string; databaseTime: number; sent: number; answered: number }) => boolean;
  };

/**
 * A key of a lookup, with the aggregate that its content is part of, and the names under which the cache has the aggregate's lease and the
 * content's entry.
 */
export type CacheKey<K> = { readonly key: K; readonly aggregate: Aggregate; readonly aggregateName: string; readonly name: string };
