import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createReadiness } from "../../src/server/readiness.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

type Answer = boolean | "hangs" | "fails";

/** A readiness whose looks see what they are told to. */
const watched = async (first: boolean) => {
  let answer: Answer = first;
  const readiness = await createReadiness(() => {
    if (answer === "fails") throw new Error("no database");
    return answer === "hangs" ? new Promise<boolean>(() => {}) : answer;
  });
  const changes: boolean[] = [];
  readiness.onChange(() => changes.push(readiness.isReady()));
  return {
    readiness,
    changes,
    /** Lets so many looks see an answer. One that hangs takes the time of two. */
    look: async (next: Answer, looks = 1) => {
      answer = next;
      await vi.advanceTimersByTimeAsync(looks * (next === "hangs" ? 2_000 : 1_000));
      return readiness.isReady();
    },
    [Symbol.dispose]: readiness.stop,
  };
};

test("a server is not ready from the third failed look in a row on", async () => {
  using server = await watched(true);
  expect(await server.look(false)).toBe(true);
  expect(await server.look("fails")).toBe(true);
  expect(await server.look(false)).toBe(false);
  expect(await server.look(false, 5)).toBe(false);
  expect(server.changes).toEqual([false]);
});

test("a look that succeeds between failed ones keeps it ready", async () => {
  using server = await watched(true);
  for (let round = 0; round < 5; round += 1) {
    await server.look(false, 2);
    await server.look(true);
  }
  expect(server.changes).toEqual([]);
});

test("an answer that never comes is a failed look", async () => {
  using server = await watched(true);
  expect(await server.look("hangs", 2)).toBe(true);
  expect(await server.look("hangs", 2)).toBe(false);
});

test("it comes back with the second good look in a row", async () => {
  using server = await watched(false);
  expect(await server.look(true)).toBe(false);
  expect(await server.look(false)).toBe(false);
  expect(await server.look(true)).toBe(false);
  expect(await server.look(true)).toBe(true);
  expect(server.changes).toEqual([true]);
});

test("a drain ends it at once, whatever the looks say", async () => {
  using server = await watched(true);
  server.readiness.drain();
  expect(server.readiness.isReady()).toBe(false);
  expect(await server.look(true, 5)).toBe(false);
});
