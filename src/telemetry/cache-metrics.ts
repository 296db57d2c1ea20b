import { Counter, Gauge, type Registry } from "prom-client";
import type { Cache } from "../cache/cache.ts";
import type { CacheStats } from "../cache/stats.ts";

const counters: { readonly [K in keyof CacheStats]: readonly [name: string, help: string] } = {
  hits: ["userd_cache_hits_total", "Contents answered from the memory of the process"],
  level2Hits: ["userd_cache_level2_hits_total", "Contents answered from the shared cache"],
  loads: ["userd_cache_loads_total", "Contents read from the database, or confirmed there by version: misses and revalidations"],
  shared: ["userd_cache_shared_loads_total", "Reads that shared a load that was on its way"],
  stale: ["userd_cache_stale_total", "Contents older than the bound, answered as stale while the database could not be reached"],
  notifications: ["userd_cache_notifications_total", "Notifications of commits that were received"],
  level2Failures: ["userd_cache_level2_failures_total", "Uses of the shared cache that failed or took over 50 ms"],
  level2Dropped: ["userd_cache_level2_dropped_total", "Writes to the shared cache that were dropped since too many were in progress"],
  level2Waits: ["userd_cache_level2_waits_total", "Reads that waited for the shared cache in vain, for 50 ms at most"],
  breakerOnsets: ["userd_cache_breaker_onsets_total", "How often a breaker of the shared cache opened: that of reads, or that of writes"],
  breakerWindows: [
    "userd_cache_breaker_windows_total",
    "How often one opened or stayed open: after the onset one use of the shared cache each",
  ],
  epochs: ["userd_cache_epochs_total", "How often the database turned out to be another one: a failover or a restore"],
};

/** Registers the metrics of the cache, which each scrape reads from the cache's own counts. */
export const watchCache = (registry: Registry, { stats, level1, breakerState }: Cache): void => {
  for (const [field, [name, help]] of Object.entries(counters)) {
    const counter: Counter = new Counter({
      name,
      help,
      registers: [registry],
      collect: () => {
        counter.reset();
        counter.inc(stats[field as keyof CacheStats]);
      },
    });
  }
  const gauges = [
    ["userd_cache_entries", "Contents in the memory of the process", level1.entries, "sum"],
    ["userd_cache_bytes", "What they take there, roughly", level1.bytes, "sum"],
    ["userd_cache_breaker_state", "Breaker of the shared cache: 0 closed, 1 half open, 2 open", breakerState, "max"],
  ] as const;
  for (const [name, help, value, aggregator] of gauges) {
    const gauge: Gauge = new Gauge({ name, help, registers: [registry], aggregator, collect: () => gauge.set(value()) });
  }
};
