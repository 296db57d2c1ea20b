import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Lease } from "../../src/cache/lease.ts";
import { createLevel1, type Level1 } from "../../src/cache/level1.ts";

/** The least number of leases that the cache keeps. */
const LEASES = 1_000;

const lease: Lease = { epoch: "e", version: 1n, time: 0, databaseTime: 0 };
const entry = { name: "part", aggregateName: "one", epoch: "e", version: 1n, time: 0, databaseTime: 0, content: "c", bytes: 1 };

/** Puts an entry, which is there after Keyv's promises. */
const put = async (level1: Level1, version: bigint): Promise<void> => {
  level1.put({ ...entry, version });
  await turn();
};

const filled = async (): Promise<Level1> => {
  const level1 = createLevel1({ maxBytes: 1_000_000, ttlMs: 60_000 });
  await put(level1, 1n);
  level1.renew("one", lease);
  return level1;
};

const leaseOf = (level1: Level1): Lease | undefined => level1.held("part")?.slot.lease;

test("I6 an entry whose aggregate's lease was evicted answers nothing, also when the aggregate has a new lease", async () => {
  const level1 = await filled();
  expect(leaseOf(level1)).toEqual(lease);
  for (let index = 0; index < LEASES; index += 1) level1.renew(`other ${index}`, lease);
  expect(level1.entry("part")).toEqual(entry);
  expect(leaseOf(level1)).toBeUndefined();
  level1.renew("one", { ...lease, version: 2n });
  expect(leaseOf(level1)).toBeUndefined();
  await put(level1, 2n);
  expect(leaseOf(level1)?.version).toBe(2n);
});

test("I6 an entry sees each new version of its aggregate's lease, and none that was forgotten or is distrusted", async () => {
  const level1 = await filled();
  level1.renew("one", { ...lease, version: 2n });
  expect(leaseOf(level1)?.version).toBe(2n);
  level1.distrust();
  expect(leaseOf(level1)).toEqual({ ...lease, version: 2n, time: -Infinity, databaseTime: -Infinity });
  level1.forget();
  expect(leaseOf(level1)).toBeUndefined();
});
