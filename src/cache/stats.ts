/** Counts of what the cache has done since the start: plain numbers, since a metric's method per hit would cost more than the hit. */
export type CacheStats = {
  /** Answered from the memory of this process. */
  hits: number;
  /** Answered from the shared store. */
  level2Hits: number;
  /** Keys read from the database. */
  loads: number;
  /** Reads that shared another one's load. */
  shared: number;
  /** Answers older than the bound, marked as stale. */
  stale: number;
  /** Notifications of other processes that were received. */
  notifications: number;
  /** Reads and writes of the shared store that failed or took too long. */
  level2Failures: number;
  /** Writes to the shared store that were not begun, since too many were in progress. */
  level2Dropped: number;
  /** Reads that waited for the shared store in vain, for 50 ms at most. */
  level2Waits: number;
  /** Times that a breaker of the shared store opened. */
  breakerOnsets: number;
  /** Windows of the breakers: how often one opened, or stayed open since its trial failed. */
  breakerWindows: number;
  /** Times that the database turned out to be another one: a failover, a restore. */
  epochs: number;
};

/** All of them 0. */
export const createCacheStats = (): CacheStats => ({
  hits: 0,
  level2Hits: 0,
  loads: 0,
  shared: 0,
  stale: 0,
  notifications: 0,
  level2Failures: 0,
  level2Dropped: 0,
  level2Waits: 0,
  breakerOnsets: 0,
  breakerWindows: 0,
  epochs: 0,
});
