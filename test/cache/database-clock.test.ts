import { expect, test } from "vitest";
import { createDatabaseClock } from "../../src/cache/database-clock.ts";
import { safeRules } from "../../src/cache/lease.ts";

test("the offset is at most what the fastest answers of a minute tell", () => {
  const clock = createDatabaseClock();
  expect(clock.offset(0)).toBeUndefined();
  clock.observe(0, 40, 10_030);
  clock.observe(100, 104, 10_102);
  expect(clock.offset(200)).toBe(10_002);
});

test("an answer tells for a minute: clocks drift apart, and nobody may look at the database for long", () => {
  const clock = createDatabaseClock();
  clock.observe(0, 4, 10_002);
  expect(clock.offset(60_000)).toBe(10_002);
  expect(clock.offset(60_001)).toBeUndefined();
  // What is not bounded to the millisecond makes do with it.
  expect(clock.lastOffset()).toBe(10_002);
});

test("a step of more than 100 ms is noticed, in both directions, and what was before it forgotten", () => {
  for (const step of [5_000, -5_000]) {
    const clock = createDatabaseClock();
    expect(clock.observe(0, 4, 10_002)).toBe(true);
    expect(clock.observe(100, 104, 10_102 + 60)).toBe(true);
    expect(clock.observe(200, 204, 10_202 + step)).toBe(false);
    expect(clock.offset(300)).toBe(10_002 + step);
    expect(clock.observe(300, 304, 10_302 + step)).toBe(true);
  }
});

test("a lease from the future is not trusted", () => {
  const lease = { epoch: "e1", version: 1n, time: 1_101, databaseTime: 0 };
  expect(safeRules.isYoung(lease, 1_000, 2_000)).toBe(false);
  expect(safeRules.isYoung(lease, 1_001, 2_000)).toBe(true);
});
