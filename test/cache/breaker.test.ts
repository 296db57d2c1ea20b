import { expect, test } from "vitest";
import { type Breaker, createBreaker } from "../../src/cache/breaker.ts";
import type { Store } from "../../src/cache/ports.ts";
import { createManualClock, createMemoryStore, createTestProcess } from "./ports.ts";

const fail = (breaker: Breaker, times: number, now: number): void => {
  for (let failure = 0; failure < times; failure += 1) breaker.admit(now)?.failed(now);
};

/** A breaker, and the windows that it has told of: true for those of an onset. */
const watched = () => {
  const windows: boolean[] = [];
  return { breaker: createBreaker((isOnset) => void windows.push(isOnset)), windows };
};

test("the breaker opens after five failures in a row, not before", () => {
  const { breaker, windows } = watched();
  fail(breaker, 4, 0);
  breaker.admit(0)?.succeeded();
  fail(breaker, 4, 0);
  expect([breaker.state(0), windows]).toEqual([0, []]);
  fail(breaker, 1, 0);
  expect([breaker.state(0), windows]).toEqual([2, [true]]);
  expect(breaker.admit(999)).toBeUndefined();
});

test("an open breaker lets one in after a second, whose outcome decides", () => {
  const { breaker, windows } = watched();
  fail(breaker, 5, 0);
  expect(breaker.state(1_000)).toBe(1);
  const trial = breaker.admit(1_000);
  expect([trial?.isTrial, breaker.admit(1_000)]).toEqual([true, undefined]);
  trial?.failed(1_050);
  expect([breaker.admit(2_049), windows]).toEqual([undefined, [true, false]]);
  breaker.admit(2_050)?.succeeded();
  expect([breaker.admit(2_050)?.isTrial, breaker.admit(2_050)?.isTrial, breaker.state(2_050)]).toEqual([false, false, 0]);
});

test("what was begun before the breaker opened or closed decides nothing afterwards", () => {
  const { breaker, windows } = watched();
  const [slow, slower, slowest] = [breaker.admit(0), breaker.admit(0), breaker.admit(0)];
  fail(breaker, 5, 0);
  slow?.succeeded();
  expect(breaker.state(0)).toBe(2);
  const trial = breaker.admit(1_000);
  slower?.failed(1_000);
  expect([breaker.state(1_000), breaker.admit(1_000), windows]).toEqual([1, undefined, [true]]);
  trial?.succeeded();
  fail(breaker, 4, 1_000);
  slowest?.failed(1_000);
  expect(breaker.state(1_000)).toBe(0);
});

test("I10 a store that hangs holds up a few reads for 50 ms each, and then none: one per second tries it, and does not wait", async () => {
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
  // The writes fail beside the reads, each at the next one's time; theirs is another breaker.
  expect(cache.stats).toMatchObject({ level2Waits: 5, level2Failures: 10, breakerOnsets: 2, breakerWindows: 2 });
  const askedBefore = asked;
  expect(askedBefore).toBe(5);
  const answer = read(100n);
  await time.settle();
  await statements.at(-1)?.answer(0n);
  expect(await answer).toBe("100 v0");
  expect(asked).toBe(askedBefore);
  await time.pass(1_000);
  // All of them go to the database at once, those that share the load of the one that tries the store too.
  const known = statements.length;
  const readers = Array.from({ length: 50 }, (_, index) => read(200n + BigInt(index % 10)));
  await time.settle();
  expect(asked).toBe(askedBefore + 1);
  expect(statements.slice(known).flatMap(({ keys }) => keys)).toHaveLength(10);
  for (const statement of statements.slice(known)) await statement.answer(0n);
  expect(await Promise.all(readers)).toHaveLength(50);
  await time.pass(50);
  expect(cache.stats).toMatchObject({ level2Waits: 5, level2Failures: 12, breakerOnsets: 2, breakerWindows: 4 });
});

test("I10 a store too slow for reads is left alone, though it takes every write in time", async () => {
  const time = createManualClock();
  const { values } = createMemoryStore();
  const slowly = () => new Promise<void>((resolve) => void time.clock.after(30, resolve));
  // A read is two of its commands, one after the other; a write is two at once.
  const store: Store = {
    get: (key) => slowly().then(() => values.get(key)),
    set: (key, value) => slowly().then(() => void values.set(key, value)),
  };
  const [writer, reader] = [createTestProcess(time, { store }), createTestProcess(time, { store })];
  const load = async ({ read, statements }: typeof writer, key: bigint): Promise<void> => {
    const answer = read(key);
    for (let step = 0; step < 2; step += 1) await time.pass(30);
    await statements.at(-1)?.answer(0n);
    await answer;
    await time.pass(30);
  };
  await load(reader, 0n);
  for (let key = 1n; key <= 8n; key += 1n) {
    await load(writer, key);
    await load(reader, key);
  }
  expect(reader.cache.stats).toMatchObject({ level2Waits: 5, level2Failures: 5, breakerOnsets: 1 });
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
