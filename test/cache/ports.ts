import { type Cache, createCache } from "../../src/cache/cache.ts";
import type { LookupOfLoaded } from "../../src/cache/lookup.ts";
import type { Bus, Clock, Loaded, Source, Store, Versions } from "../../src/cache/ports.ts";
import type { ReadConsistency } from "../../src/cache/read-consistency.ts";
import { userAggregate } from "../../src/versions/aggregate.ts";

/** A statement that waits for the test to answer it. */
export type Statement = {
  readonly keys: readonly bigint[];
  readonly signal: AbortSignal;
  /** Answers with a version of every key; contents name key and version. */
  readonly answer: (version: bigint, epoch?: string, databaseTime?: number) => Promise<void>;
  readonly fail: (error: Error) => Promise<void>;
};

type Text = { readonly text: string };

/** A question for versions that waits for the test to answer it. */
export type VersionQuestion = {
  readonly ids: readonly bigint[];
  readonly signal: AbortSignal;
  /** Answers with a version of every aggregate. */
  readonly answer: (version: bigint, epoch?: string) => Promise<void>;
  readonly fail: (error: Error) => Promise<void>;
};

/** The database can't be reached. */
export class Unreachable extends Error {}

/** The bound of the caches of these tests, in milliseconds. */
export const BOUND_MS = 1_000;

/** Far from the clock of any process, in milliseconds since the epoch. */
const DATABASE_EPOCH = 1_700_000_000_000;

/** A time that passes when a test says so. */
export const createManualClock = () => {
  let now = 5_000;
  let deferred: (() => void)[] = [];
  const timers = new Set<{ readonly at: number; readonly task: () => void }>();
  /** Lets everything happen that needs no time. */
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      const tasks = deferred;
      deferred = [];
      for (const task of tasks) task();
    }
  };
  const clock: Clock = {
    now: () => now,
    defer: (task) => void deferred.push(task),
    after: (milliseconds, task) => {
      const timer = { at: now + milliseconds, task };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  };
  const pass = async (milliseconds: number): Promise<void> => {
    await settle();
    now += milliseconds;
    for (const timer of [...timers].sort((a, b) => a.at - b.at)) {
      if (timer.at > now || !timers.delete(timer)) continue;
      timer.task();
    }
    await settle();
  };
  return { clock, pass, settle };
};

/** One process: its cache, and the statements that it sends. */
export const createTestProcess = (
  { clock, settle }: Pick<ReturnType<typeof createManualClock>, "clock" | "settle">,
  { store, bus, confirms = false }: { readonly store?: Store; readonly bus?: Bus; readonly confirms?: boolean } = {},
) => {
  const statements: Statement[] = [];
  const questions: VersionQuestion[] = [];
  const showVersions: NonNullable<Source<bigint, Text>["showVersions"]> = (aggregates, signal) =>
    new Promise<Versions>((resolve, reject) => {
      const started = clock.now();
      questions.push({
        ids: aggregates.map(({ id }) => id),
        signal,
        answer: (version, epoch = "e1") => {
          resolve({ epoch, databaseTime: DATABASE_EPOCH + started, versions: aggregates.map(() => version) });
          return settle();
        },
        fail: (error) => {
          reject(error);
          return settle();
        },
      });
    });
  const cache: Cache = createCache(
    { clock, store, bus, isUnreachable: (error) => error instanceof Unreachable },
    { boundMs: BOUND_MS, ttlMs: 300_000, maxBytes: 10_000_000 },
  );
  const lookupOf = (name: string, mayBeStale: boolean): LookupOfLoaded<bigint, Text, Text> =>
    cache.lookup<bigint, Text, Text>(
      {
        name,
        mayBeStale,
        aggregateOf: userAggregate,
        partOf: () => "",
        ...(confirms && { showVersions }),
        load: (keys, signal) =>
          new Promise<Loaded<Text>>((resolve, reject) => {
            const started = clock.now();
            statements.push({
              keys,
              signal,
              answer: (version, epoch = "e1", databaseTime = DATABASE_EPOCH + started) => {
                resolve({
                  epoch,
                  databaseTime,
                  versions: keys.map(() => version),
                  contents: keys.map((key) => ({ text: `${key} v${version}` })),
                });
                return settle();
              },
              fail: (error) => {
                reject(error);
                return settle();
              },
            });
          }),
      },
      (content) => content,
    );
  const options = lookupOf("options", true);
  const read = async (key: bigint, reading: Partial<ReadConsistency> = {}, signal = new AbortController().signal): Promise<string> =>
    (await options.get({ signal }, key, consistencyOf(reading))).text;
  return { cache, statements, questions, options, permissions: lookupOf("permissions", false), read };
};

/** A default reading, unless told otherwise. */
export const consistencyOf = (reading: Partial<ReadConsistency> = {}): ReadConsistency => ({
  strong: false,
  token: undefined,
  maxStaleMs: undefined,
  ageMs: 0,
  stale: false,
  ...reading,
});

/** A shared store in the memory of the test. */
export const createMemoryStore = (): Store & { readonly values: Map<string, unknown> } => {
  const values = new Map<string, unknown>();
  return {
    values,
    get: async (key) => values.get(key),
    set: async (key, value) => {
      values.set(key, value);
    },
  };
};
