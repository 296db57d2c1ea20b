/** The counts of what the cache does, as plain numbers, which are faster than metrics. telemetry/cache-metrics.ts explains each count. */
export type CacheStats = {
  hits: number;
  level2Hits: number;
  loads: number;
  shared: number;
  stale: number;
  notifications: number;
  level2Failures: number;
  level2Dropped: number;
  level2Waits: number;
  breakerOnsets: number;
  breakerWindows: number;
  epochs: number;
};

/** Makes the counts of a cache, all 0 at first. */
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
