import { expect, test } from "vitest";
import { loadConfig } from "../../src/config.ts";
import { defaultPool, thisMachine } from "../../src/worker-count.ts";
import { SECRET_KEY } from "../support/userd.ts";

const onPostgres = { DATABASE_URL: "postgres://127.0.0.1/userd", SECRET_KEY };
const machine = (cores: number, memoryMb = 64_000) => ({ cores, memoryMb });

test.for([
  ["a core each", onPostgres, machine(4), 4],
  ["one core", onPostgres, machine(1), 1],
  ["more cores than PostgreSQL has connections for", onPostgres, machine(96), 16],
  ["what the memory holds", onPostgres, machine(8, 1_500), 3],
  ["what the memory holds, with larger caches", { ...onPostgres, CACHE_MEMORY_MB: "1024" }, machine(8, 4_000), 2],
  ["no memory at all", onPostgres, machine(8, 10), 1],
  ["the embedded database", {}, machine(8), 1],
  ["a number that is set", { ...onPostgres, WORKERS: "3" }, machine(8), 3],
  ["an empty setting", { ...onPostgres, WORKERS: "" }, machine(2), 2],
] as const)("%s decides how many workers there are", ([, settings, of, workers]) => {
  expect(loadConfig(settings, {}, of).workers).toBe(workers);
});

test("the pools of all workers together stay under the 100 connections of a PostgreSQL that nobody has configured", () => {
  expect([1, 2, 4, 8, 16].map(defaultPool)).toEqual([20, 20, 10, 5, 5]);
  // Health has a connection of its own in each worker, and three are for superusers.
  for (let cores = 1; cores <= 128; cores += 1) {
    const { workers, poolSize } = loadConfig(onPostgres, {}, machine(cores));
    expect(workers * (poolSize + 1)).toBeLessThanOrEqual(97);
  }
  expect(loadConfig({ ...onPostgres, WORKERS: "8", DATABASE_POOL_SIZE: "30" }, {}, machine(1)).poolSize).toBe(30);
});

test("this machine has cores and memory", () => {
  const { cores, memoryMb } = thisMachine();
  expect(cores).toBeGreaterThanOrEqual(1);
  expect(memoryMb).toBeGreaterThan(100);
  expect(Number.isFinite(memoryMb)).toBe(true);
});
