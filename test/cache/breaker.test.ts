import { expect, test } from "vitest";
import { createBreaker } from "../../src/cache/breaker.ts";
import { createManualClock, createTestProcess } from "./ports.ts";

test("the breaker opens after five failures in a row, not before", () => {
  const breaker = createBreaker();
  for (let failure = 0; failure < 4; failure += 1) breaker.failed(0);
  expect(breaker.admits(0)).toBe(true);
  breaker.succeeded();
  for (let failure = 0; failure < 5; failure += 1) {
    expect(breaker.state(0)).toBe(0);
    breaker.failed(0);
  }
  expect(breaker.state(0)).toBe(2);
  expect(breaker.admits(999)).toBe(false);
});

test("an open breaker lets one in after a second, whose outcome decides", () => {
  const breaker = createBreaker();
  for (let failure = 0; failure < 5; failure += 1) breaker.failed(0);
  expect(breaker.state(1_000)).toBe(1);
  expect([breaker.admits(1_000), breaker.admits(1_000)]).toEqual([true, false]);
  breaker.failed(1_000);
  expect([breaker.admits(1_999), breaker.admits(2_000)]).toEqual([false, true]);
  breaker.succeeded();
  expect([breaker.admits(2_000), breaker.admits(2_000), breaker.state(2_000)]).toEqual([true, true, 0]);
});

test("I10 a store that hangs holds up a few reads for 50 ms each, and then one read per second", async () => {
  const time = createManualClock();
  let asked = 0;
  const hang = () => {
    asked += 1;
    return new Promise<never>(() => {});
  };
  const { read, statements, cache } = createTestProcess(time, { store: { get: hang, set: () => new Promise(() => {}) } });
  const first = read(0n);
  await time.settle();
  // Nothing is asked of a store before the database has named its epoch.
  expect(asked).toBe(0);
  await statements[0]?.answer(0n);
  await first;
  for (let key = 1; cache.breakerState() === 0; key += 1) {
    const answer = read(BigInt(key));
    await time.pass(49);
    expect(statements, `read ${key}`).toHaveLength(key);
    await time.pass(1);
    expect(statements, `read ${key}`).toHaveLength(key + 1);
    await statements[key]?.answer(0n);
    expect(await answer).toBe(`${key} v0`);
  }
  // Three reads, and the writes of three answers: the last two fail at once.
  expect(cache.stats.level2Failures).toBe(6);
  const askedBefore = asked;
  expect(askedBefore).toBe(3);
  const answer = read(100n);
  await time.settle();
  await statements.at(-1)?.answer(0n);
  expect(await answer).toBe("100 v0");
  expect(asked).toBe(askedBefore);
  await time.pass(1_000);
  void read(101n);
  void read(102n);
  await time.settle();
  expect(asked).toBe(askedBefore + 1);
});

test("I10 a store that throws at one write, and rejects another, ends nothing", async () => {
  const time = createManualClock();
  let sets = 0;
  const set = (): Promise<never> => {
    sets += 1;
    if (sets % 2 === 0) throw new Error("closed");
    return Promise.reject(new Error("reset"));
  };
  const { read, statements, cache } = createTestProcess(time, { store: { get: async () => undefined, set } });
  const answer = read(1n);
  await time.settle();
  // An unhandled rejection would fail the run.
  await statements[0]?.answer(1n);
  expect(await answer).toBe("1 v1");
  expect(sets).toBe(2);
  expect(cache.stats.level2Failures).toBe(1);
});
