import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { hasRedis, startRedis, type TestRedis } from "../../test/support/redis.ts";
import type { Row, SpeedRow } from "../bench.ts";
import { slowMs } from "../load/own.ts";
import { readMetrics } from "../metrics.ts";
import { type Side, watched } from "../rounds.ts";
import { readOption } from "./get-option.ts";
import { targetOf } from "./read.ts";

/** Few, so that no call waits for others as long as one waits for a Redis that hangs. */
const shape = { connections: 4, streams: 4 };

/** How long Redis hangs, and then doesn't, in milliseconds. */
const FLAP_MS = 1_000;
/** How often, and for how long each time (in seconds), the service is given calls to find Redis again. */
const [ATTEMPTS, ATTEMPT_SECONDS] = [10, 0.5];

/** How often the breaker is looked at, in milliseconds: less often than a call waits, more often than a window ends. */
const LOOK_MS = 250;

/** What the breakers came to: their windows, and the reads that waited in vain, all of them and those after an onset. */
type Breakers = { windows: number; waits: number; lateWaits: number };

/**
 * Adds up what the service counts until `signal` aborts. A wait is late when the breaker was open before it and stayed so, in
 * the look before too: what was in flight at the onset has ended by then.
 */
const watchBreakers = async (userd: Parameters<typeof readMetrics>[0], seen: Breakers, signal: AbortSignal): Promise<void> => {
  const look = async () => {
    const { value } = await readMetrics(userd);
    const [onsets, windows] = [value("userd_cache_breaker_onsets_total"), value("userd_cache_breaker_windows_total")];
    return { onsets, windows, waits: value("userd_cache_level2_waits_total"), isOpen: value("userd_cache_breaker_state") !== 0 };
  };
  let last = await look();
  let wasOpen = false;
  for (let isOver = false; !isOver; ) {
    isOver = signal.aborted;
    await delay(LOOK_MS, undefined, { signal }).catch(() => {});
    const now = await look();
    const staysOpen = last.isOpen && now.isOpen && now.onsets === last.onsets;
    seen.windows += now.windows - last.windows;
    seen.waits += now.waits - last.waits;
    if (wasOpen && staysOpen) seen.lateWaits += now.waits - last.waits;
    wasOpen = staysOpen;
    last = now;
  }
};

/** Makes Redis fail; what comes back makes it whole again. */
type Fault = (redis: TestRedis) => () => Promise<void>;

const faults = {
  redis_down: (redis) => {
    const killed = redis.kill();
    return async () => {
      await killed;
      await redis.start();
    };
  },
  redis_hung: (redis) => {
    redis.hang(true);
    return async () => redis.hang(false);
  },
  redis_flapping: (redis) => {
    let hangs = true;
    redis.hang(true);
    const timer = setInterval(() => {
      hangs = !hangs;
      redis.hang(hangs);
    }, FLAP_MS);
    return async () => {
      clearInterval(timer);
      redis.hang(false);
    };
  },
} as const satisfies Record<string, Fault>;

const prepareWith =
  (fault: Fault): SpeedRow["prepare"] =>
  async (bench) => {
    const { service, varying } = bench;
    await using stack = new AsyncDisposableStack();
    const redis = stack.use(await startRedis());
    const userd = stack.use(await service.startAnother({ settings: { CACHE_URL: redis.url } }));
    const { target } = await targetOf(userd, readOption(bench, shape));
    const seen = { slowestMs: 0, slow: 0, errors: 0, yardstickSlowestMs: 0, yardstickSlow: 0, failures: 0 };
    const breakers: Breakers = { windows: 0, waits: 0, lateWaits: 0 };

    /** A round without fault begins when Redis is there again: the breaker is closed, and something was stored. */
    const recover = async (): Promise<void> => {
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        const before = await readMetrics(userd);
        await varying.run(target, { seconds: ATTEMPT_SECONDS, latency: false });
        const after = await readMetrics(userd);
        const failures = after.value("userd_cache_level2_failures_total") - before.value("userd_cache_level2_failures_total");
        if (after.value("userd_cache_breaker_state") === 0 && failures === 0 && (await redis.contents()).length > 0) return;
      }
      throw new Error("The service did not find Redis again.");
    };
    /** A round that is watched: both sides are, for it costs a little. */
    const run = async (options: Parameters<Side>[0], into: Breakers, begun: () => void) => {
      const over = new AbortController();
      const watching = watchBreakers(userd, into, over.signal);
      try {
        return await varying.runThrough(target, options, begun);
      } finally {
        over.abort();
        await watching;
      }
    };
    const without: Side = async (options) => {
      await recover();
      const result = await run(options, { ...breakers }, () => {});
      assert.equal(result.errors, 0, "calls failed without any fault");
      seen.yardstickSlowestMs = Math.max(seen.yardstickSlowestMs, result.slowestMs);
      seen.yardstickSlow += result.slow;
      return result;
    };
    const during: Side = async (options) => {
      await recover();
      const before = (await readMetrics(userd)).value("userd_cache_level2_failures_total");
      let heal = async () => {};
      try {
        const result = await run(options, breakers, () => {
          heal = fault(redis);
        });
        seen.slowestMs = Math.max(seen.slowestMs, result.slowestMs);
        seen.slow += result.slow;
        seen.errors += result.errors;
        const failures = (await readMetrics(userd)).value("userd_cache_level2_failures_total") - before;
        assert(failures > 0, "the fault was not noticed");
        seen.failures += failures;
        return result;
      } finally {
        await heal();
      }
    };
    const running = stack.move();
    return {
      userd: watched(userd.pid, during),
      yardstick: watched(userd.pid, without),
      load: `${shape.connections} × ${shape.streams} calls in flight, ${target.bodies.length} users in turn, by ${varying.name}; the fault begins with the round`,
      details: () => ({
        errors: seen.errors,
        level2_failures: seen.failures,
        breaker_windows: breakers.windows,
        waits: breakers.waits,
        waits_after_the_onset: breakers.lateWaits,
        slowest_ms: seen.slowestMs,
        [`calls_of_${slowMs}_ms`]: seen.slow,
        yardstick_slowest_ms: seen.yardstickSlowestMs,
        [`yardstick_calls_of_${slowMs}_ms`]: seen.yardstickSlow,
      }),
      [Symbol.asyncDispose]: () => running.disposeAsync(),
    };
  };

/** GetOption of many users while the shared cache is gone, hangs, or does so every other second. */
export const redisFaults: readonly Row[] = Object.entries(faults).map(([name, fault]) => ({
  name,
  yardstick: "the same service, Redis well",
  goal: { atLeast: 0.6 },
  valuesPerCall: 1,
  skip: () => (hasRedis ? undefined : "there is no redis-server"),
  prepare: prepareWith(fault),
}));
