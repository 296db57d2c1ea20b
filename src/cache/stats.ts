/** Counts of what the cache has done since the start. They are plain numbers: a metric's method would cost more than a hit. */
export type CacheStats = {
  /** Reads answered from the memory of this process. */
  hits: number;
  /** Reads answered from the shared store. */
  level2Hits: number;
  /** Keys read from the database. */
  loads: number;
  /** Reads that shared the load of another one. */
  shared: number;
  /** Answers older than the bound, marked as stale. */
  stale: number;
  /** Notifications received from other processes. */
  notifications: number;
  /** Reads and writes of the shared store that failed or took too long. */
  level2Failures: number;
  /** Writes to the shared store that were not begun, since too many were in progress. */
  level2Dropped: number;
  /** Reads that waited for the shared store in vain, for at most 50 ms. */
  level2Waits: number;
  /** Times that a breaker of the shared store opened. */
  breakerOnsets: number;
  /** Times that a breaker of the shared store opened, or stayed open since its trial failed. */
  breakerWindows: number;
  /** Times that the database turned out to be another one, by a failover or a restore. */
  epochs: number;
};

/** Makes counts that are all 0. */
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
