import { Registry } from "prom-client";
import { expect } from "vitest";
import type { Lookup } from "../../src/cache/lookup.ts";
import { openCache } from "../../src/cache/open.ts";
import { startCacheSampler } from "../../src/users/cache-sampler.ts";
import { createUsers, type Users } from "../../src/users/user.lookup.ts";
import { createUser } from "../support/build.ts";
import { silent } from "../support/database.ts";
import { test as base, testConfig } from "../support/service.ts";

const metricOf = async (registry: Registry, name: string, window?: string): Promise<number> => {
  const metric = await registry.getSingleMetric(name)?.get();
  return metric?.values.find(({ labels }) => window === undefined || labels["window"] === window)?.value ?? Number.NaN;
};

const test = base.extend("sampled", async ({ db, databaseUrl, clients }, { onCleanup }) => {
  const config = testConfig(databaseUrl, { CACHE_STALENESS_MS: "250", CACHE_SAMPLE_SECONDS: "1" });
  const cache = await openCache(db, config, silent);
  onCleanup(() => cache[Symbol.asyncDispose]());
  const user = await createUser(clients["grpc-js"]);
  const users = createUsers(cache, db);
  /** Samples what `lookup` serves until `done`. */
  const sample = async (lookup: Users, done: (registry: Registry) => Promise<void>) => {
    const registry = new Registry();
    using _ = startCacheSampler(db, lookup, config.cache, registry);
    await done(registry);
    return registry;
  };
  return { users, user, sample };
});

test("the sampler finds nothing in a cache that keeps its promise", async ({ sampled: { users, sample } }) => {
  const registry = await sample(users, async (metrics) => {
    await expect.poll(() => metricOf(metrics, "userd_cache_samples_total"), { timeout: 10_000 }).toBeGreaterThan(2);
  });
  expect(await metricOf(registry, "userd_cache_inconsistency_total", "beyond_bound")).toBe(0);
});

test("the sampler finds a lookup that keeps an old answer for ever", async ({ sampled: { users, sample, user }, clients }) => {
  const old = await users.get({ signal: new AbortController().signal }, user.id, {
    strong: true,
    token: undefined,
    maxStaleMs: undefined,
    ageMs: 0,
    stale: false,
  });
  await clients["grpc-js"].users.updateUser({ user: { id: user.id, name: "new" } });
  const stuck = { ...users, get: (_, id, reading) => (id === user.id ? old : users.get(_, id, reading)) } as Lookup<bigint, typeof old>;
  await sample(stuck, async (metrics) => {
    await expect.poll(() => metricOf(metrics, "userd_cache_inconsistency_total", "beyond_bound"), { timeout: 15_000 }).toBeGreaterThan(0);
  });
});
