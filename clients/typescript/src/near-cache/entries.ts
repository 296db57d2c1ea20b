import { LRUCache } from "lru-cache";
import type { AggregateVersion } from "./protocol.ts";

/** A kept answer. */
export type Entry = {
  readonly key: string;
  readonly value: unknown;
  readonly bytes: number;
  readonly aggregates: readonly AggregateVersion[];
  /** The database's time from which the answer counts no more, in milliseconds. */
  readonly validUntil: number;
};

/** The kept answers, and which of them rest on an aggregate. The least recently read go when they take too much memory. */
export type Entries = {
  readonly get: (key: string) => Entry | undefined;
  readonly put: (entry: Entry) => void;
  /** Drops what rests on an older version of an aggregate, or on any version; returns how many entries that were. */
  readonly outdate: (aggregate: string, version?: bigint) => number;
  readonly clear: () => void;
  readonly size: () => number;
  readonly bytes: () => number;
};

/** Makes `Entries` of at most so many bytes. */
export const createEntries = (maxBytes: number): Entries => {
  const byAggregate = new Map<string, Set<Entry>>();
  const unlink = (entry: Entry): void => {
    for (const { aggregate } of entry.aggregates) {
      const resting = byAggregate.get(aggregate);
      resting?.delete(entry);
      if (resting?.size === 0) byAggregate.delete(aggregate);
    }
  };
  const lru = new LRUCache<string, Entry>({ maxSize: maxBytes, sizeCalculation: ({ bytes }) => Math.max(1, bytes), dispose: unlink });
  return {
    get: (key) => lru.get(key),
    put: (entry) => {
      lru.set(entry.key, entry);
      // One that is larger than all the memory is not kept.
      if (lru.peek(entry.key) !== entry) return;
      for (const { aggregate } of entry.aggregates) {
        const resting = byAggregate.get(aggregate);
        if (resting === undefined) byAggregate.set(aggregate, new Set([entry]));
        else resting.add(entry);
      }
    },
    outdate: (aggregate, version) => {
      let dropped = 0;
      for (const entry of byAggregate.get(aggregate) ?? []) {
        const rested = entry.aggregates.find((one) => one.aggregate === aggregate);
        if (version !== undefined && (rested?.version ?? 0n) >= version) continue;
        lru.delete(entry.key);
        dropped += 1;
      }
      return dropped;
    },
    clear: () => lru.clear(),
    size: () => lru.size,
    bytes: () => lru.calculatedSize,
  };
};
