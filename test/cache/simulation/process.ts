import { type Cache, createCache } from "../../../src/cache/cache.ts";
import { safeRules } from "../../../src/cache/lease.ts";
import { LEVEL2_BUDGET_MS } from "../../../src/cache/level2.ts";
import type { Lookup, LookupOfLoaded } from "../../../src/cache/lookup.ts";
import type { Bus, Clock, Loaded, Source, Store, Versions } from "../../../src/cache/ports.ts";
import type { Random } from "../../fuzz/random.ts";
import type { Bug } from "./bugs.ts";
import { aggregateOf, type Content, FIRST_STRICT_PART, type Key, PARTS, partOf } from "./content.ts";
import { type Database, DatabaseFailure } from "./database.ts";
import type { Owner, Scheduler } from "./scheduler.ts";

/** With this part the statement shows content of the other source too. */
const PART_WITH_ANOTHER = 1;

/** While a process waits for the database. */
export type Wait = { readonly from: number; until: number };

/** A version that an answer has to have reached. */
export type Reached = { readonly epoch: number; readonly version: bigint };

/** One process of the service, from its start to its end. */
export type Process = {
  readonly name: string;
  readonly owner: Owner;
  readonly cache: Cache;
  /** The lookup of what may be served stale, and of what must not. */
  readonly lookupOf: (part: number) => Lookup<Key, Content>;
  readonly waits: Wait[];
  /** When pauses began. */
  readonly pauses: Wait[];
  /** When the database was asked, and when it answered. */
  readonly answers: { readonly sent: number; readonly at: number }[];
  /** By aggregate, what writes of this process have been acknowledged. */
  readonly written: Map<number, Reached>;
};

/** What processes run in. */
export type Environment = {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly database: Database;
  readonly bug: Bug | undefined;
  readonly boundMs: number;
};

/** Starts a process; its clock starts anywhere and runs at most 200 ppm too fast or too slow. */
export const startProcess = (
  { scheduler, random, database, bug, boundMs }: Environment,
  name: string,
  { store, bus }: { readonly store: ((owner: Owner) => Store) | undefined; readonly bus: Bus | undefined },
): Process => {
  const owner: Owner = { pausedUntil: -1, dead: false };
  const rate = 1 + (random.below(401) - 200) / 1_000_000;
  const offset = random.below(1_000_000);
  const wallError = random.below(8 * boundMs) - 4 * boundMs;
  const now = () => offset + scheduler.now() * rate;
  const clock: Clock = {
    now,
    defer: (task) => void scheduler.after(0, task, owner),
    after: (milliseconds, task) => {
      if (bug?.flaws?.waitsForStore && milliseconds === LEVEL2_BUDGET_MS) return () => {};
      const event = scheduler.after(milliseconds / rate, task, owner);
      return () => {
        event.cancelled = true;
      };
    },
  };
  const rules = {
    ...safeRules,
    ...bug?.rules?.({ safe: safeRules, now, wallTime: () => 1_700_000_000_000 + scheduler.now() + wallError }),
  };
  const cache = createCache(
    {
      clock,
      store: store?.(owner),
      bus,
      isUnreachable: (error) => error instanceof DatabaseFailure && error.unreachable,
    },
    { boundMs, ttlMs: 300_000, maxBytes: 1_000_000 },
    rules,
  );

  const waits: Wait[] = [];
  const answers: { sent: number; at: number }[] = [];
  /** What was shown before, for the bug that asks once only. */
  const remembered = new Map<string, Versions>();
  /** What a statement shows beside a key: as a name does its user, another aggregate maybe. */
  const otherOf = ({ part }: Key): Key[] => (part === PART_WITH_ANOTHER ? [{ aggregate: 0, part: FIRST_STRICT_PART }] : []);
  const source = (
    name: string,
    mayBeStale: boolean,
    beside?: LookupOfLoaded<Key, Content, Content>["loadedTogether"],
  ): Source<Key, Content> => ({
    name,
    mayBeStale,
    aggregateOf: ({ aggregate }) => aggregateOf(aggregate),
    partOf: (key) => (bug?.flaws?.joinedKeys ? (PARTS[key.part] ?? []).join("/") : partOf(key)),
    showVersions: async (aggregates, signal) => {
      const wait: Wait = { from: scheduler.now(), until: Infinity };
      waits.push(wait);
      try {
        const names = aggregates.map(({ id }) => id).join();
        const before = remembered.get(names);
        if (before !== undefined) return before;
        const keys = aggregates.map(({ id }) => ({ aggregate: Number(id) - 1, part: 0 }));
        const { epoch, databaseTime, versions } = await database.load(owner, keys, signal);
        if (!signal.aborted) answers.push({ sent: wait.from, at: scheduler.now() });
        const shown = { epoch, databaseTime, versions };
        if (bug?.flaws?.remembersVersions) remembered.set(names, shown);
        return shown;
      } finally {
        wait.until = scheduler.now();
      }
    },
    load: async (keys, signal) => {
      const wait: Wait = { from: scheduler.now(), until: Infinity };
      waits.push(wait);
      const hidden = new AbortController();
      if (bug?.flaws?.hidesCancellation && random.chance(0.1)) scheduler.after(random.below(boundMs), () => hidden.abort());
      try {
        const others = beside === undefined ? [] : keys.map(otherOf);
        const all = [...keys, ...others.flat()];
        const loaded = await database.load(owner, all, bug?.flaws?.hidesCancellation ? hidden.signal : signal);
        if (!signal.aborted) answers.push({ sent: wait.from, at: scheduler.now() });
        if (beside === undefined) return loaded;
        let next = keys.length;
        return {
          ...loaded,
          versions: loaded.versions.slice(0, keys.length),
          contents: loaded.contents.slice(0, keys.length),
          loadedTogether: others.map((ofKey, index) =>
            ofKey.map((other) => {
              const version = loaded.versions[bug?.flaws?.lendsVersions ? index : next] as bigint;
              return beside(other, version, loaded.contents[next++] as Content);
            }),
          ),
        } satisfies Loaded<Content>;
      } finally {
        wait.until = scheduler.now();
      }
    },
  });
  const strict = cache.lookup(source("permissions", false), (content: Content) => content);
  const served = cache.lookup(source("options", true, strict.loadedTogether), (content) => content);
  return {
    name,
    owner,
    cache,
    lookupOf: (part) => (part < FIRST_STRICT_PART ? served : strict),
    waits,
    pauses: [],
    answers,
    written: new Map(),
  };
};
