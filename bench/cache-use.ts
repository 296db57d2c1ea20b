import { readMetrics } from "./metrics.ts";
import type { Side } from "./rounds.ts";
import type { Userd } from "./service.ts";

/** A side whose use of the cache was looked at. */
export type CacheUse = {
  readonly side: Side;
  /** The share of contents that came from the memory of the process, over all rounds so far. */
  readonly hitShare: () => number;
};

/**
 * Sees to it that a row measures what it says: hits, or none.
 * @throws Error when in a round less (or more) than half of the contents came from memory.
 */
export const watchCacheUse = (userd: Userd, side: Side, wanted: "hits" | "misses"): CacheUse => {
  let [hits, contents] = [0, 0];
  return {
    side: async (options) => {
      const before = await readMetrics(userd);
      const result = await side(options);
      const after = await readMetrics(userd);
      const grown = (name: string) => after.value(`userd_cache_${name}_total`) - before.value(`userd_cache_${name}_total`);
      const inRound = { hits: grown("hits"), misses: grown("level2_hits") + grown("loads") + grown("shared_loads") };
      const all = inRound.hits + inRound.misses;
      if (!(inRound[wanted] > all / 2)) throw new Error(`The row is to measure ${wanted}: only ${inRound[wanted]} of ${all} were.`);
      hits += inRound.hits;
      contents += all;
      return result;
    },
    hitShare: () => hits / contents,
  };
};
