import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import { expect } from "vitest";
import { startApp } from "../../src/app.ts";
import { createClients } from "../support/clients.ts";
import { test as base, silent } from "../support/database.ts";
import { hasRedis, startRedis, type TestRedis } from "../support/redis.ts";
import { testConfig } from "../support/service.ts";

const IN_FLIGHT = 50;
/** So many that none is in memory, young enough, when its turn comes again. */
const USERS = 2_000;
/** Windows of the breakers, that of reads and that of writes, which are watched after the onset. */
const WINDOWS = 4;

/** What the service has counted, and the breaker's state. */
const names = {
  waits: "userd_cache_level2_waits_total",
  failures: "userd_cache_level2_failures_total",
  hits: "userd_cache_level2_hits_total",
  onsets: "userd_cache_breaker_onsets_total",
  windows: "userd_cache_breaker_windows_total",
  state: "userd_cache_breaker_state",
} as const;
type Counts = Record<keyof typeof names, number>;

/** `round` has 50 calls in flight, each of another user, and tells what was counted when all of them were answered. */
const test = base
  .extend("redis", async ({}, { onCleanup }): Promise<TestRedis> => {
    const redis = await startRedis();
    onCleanup(() => redis[Symbol.asyncDispose]());
    return redis;
  })
  .extend("round", async ({ databaseUrl, db, redis }, { onCleanup }) => {
    const stack = new AsyncDisposableStack();
    onCleanup(() => stack.disposeAsync());
    const app = stack.use(
      await startApp(testConfig(databaseUrl, { CACHE_URL: redis.url, CACHE_STALENESS_MS: "250" }), silent, { migrate: false }),
    );

    const clients = createClients(app);
    stack.defer(() => clients.close());
    const { options } = clients.byKind["grpc-js"];
    const { rows } = await sql<{ id: bigint }>`insert into users (username, username_canonical)
    select gen_random_uuid(), gen_random_uuid() from generate_series(1, ${USERS}) returning id`.execute(db.sql);
    let next = 0;
    return async (): Promise<Counts> => {
      // Windows take their time: the machine is left to other tests meanwhile.
      await delay(20);
      const calls = Array.from({ length: IN_FLIGHT }, () => options.getOption({ userId: rows[next++ % USERS]?.id ?? 0n, key: "k" }));
      await Promise.all(calls);
      const page = await (await fetch(`http://127.0.0.1:${app.httpAddress.port}/metrics`)).text();
      const counted = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(page)?.[1] ?? Number.NaN);
      return Object.fromEntries(Object.entries(names).map(([key, name]) => [key, counted(name)])) as Counts;
    };
  });

/** Rounds until one of them is as wanted. */
const until = async (round: () => Promise<Counts>, isWanted: (counts: Counts) => boolean): Promise<Counts> => {
  for (;;) {
    const counts = await round();
    if (isWanted(counts)) return counts;
  }
};

/** The service has found Redis, and stored something there. */
const connected = async (redis: TestRedis, round: () => Promise<Counts>): Promise<Counts> => {
  for (;;) {
    const counts = await round();
    if (counts.state === 0 && (await redis.contents()).length > 0) return counts;
  }
};

const faults = {
  hangs: (redis) => {
    redis.hang(true);
    return async () => redis.hang(false);
  },
  "is down": (redis) => {
    const killed = redis.kill();
    return async () => {
      await killed;
      await redis.start();
    };
  },
} as const satisfies Record<string, (redis: TestRedis) => () => Promise<void>>;

test.skipIf(!hasRedis).for(Object.keys(faults) as (keyof typeof faults)[])(
  "I10 while Redis %s, each window of a breaker has one use of it, for which nobody waits",
  { timeout: 60_000, concurrent: true },
  async (fault, { redis, round }) => {
    const well = await connected(redis, round);
    const heal = faults[fault](redis);
    // Both breakers have been open for a window: nothing that was begun before is under way.
    const before = await until(round, ({ onsets, windows }) => onsets === well.onsets + 2 && windows >= well.windows + 4);
    const after = await until(round, ({ windows }) => windows >= before.windows + WINDOWS);
    expect(after).toMatchObject({ waits: before.waits, hits: before.hits, onsets: before.onsets });
    expect(after.failures - before.failures).toBe(after.windows - before.windows);
    await heal();
    await until(round, ({ state }) => state === 0);
  },
);

test.skipIf(!hasRedis)(
  "I10 while Redis hangs now and then, calls wait for it only until its breaker opens",
  { timeout: 60_000, concurrent: true },
  async ({ redis, round }) => {
    const well = await connected(redis, round);
    let last = well;
    for (let flap = 0; flap < 3; flap += 1) {
      redis.hang(true);
      const { windows } = last;
      // All calls of a round are answered before the next one begins: those in flight at an onset are in the round of the onset.
      while (last.windows < windows + 4) {
        const current = await round();
        if (last.state !== 0 && current.state !== 0 && last.onsets === current.onsets) expect(current.waits).toBe(last.waits);
        last = current;
      }
      redis.hang(false);
      last = await until(round, ({ state }) => state === 0);
    }
    expect(last.onsets - well.onsets).toBeGreaterThanOrEqual(3);
  },
);
