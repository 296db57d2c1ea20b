import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Claim, createPlaces } from "../../src/db/places.ts";
import { createTurns } from "../../src/db/turns.ts";

const size = 8;
const make = (options = {}) => createPlaces({ size, maxWaiting: 20, patienceMs: 10_000, ...options });
const claim = (group: string, name?: string, weight = 1): Claim => ({ group, ...(name !== undefined && { caller: { name, weight } }) });
/** Takes places until one would have to wait; returns how many it got. */
const fill = (places: ReturnType<typeof make>, one: Claim): number => {
  for (let taken = 0; ; taken += 1) {
    const wait = places.take(one);
    if (wait === undefined) continue;
    wait.catch(() => {});
    return taken;
  }
};

describe("places in the pool", () => {
  test("one group leaves a quarter to others, who have two each of that", () => {
    const places = make();
    expect(fill(places, claim("read a"))).toBe(6);
    expect(fill(places, claim("write a"))).toBe(2);
  });

  test("who waits comes next when a place is given back, in order", async () => {
    const places = make();
    const got: number[] = [];
    fill(places, claim("a"));
    const waits = [1, 2, 3].map((number) => places.take(claim("a"))?.then(() => got.push(number)));
    expect(places.counts().get("a")).toMatchObject({ used: 6, waiting: 4 });
    for (let back = 0; back < 4; back += 1) places.giveBack(claim("a"));
    await Promise.all(waits);
    expect(got).toEqual([1, 2, 3]);
    expect(places.counts().get("a")).toMatchObject({ used: 6, waiting: 0 });
  });

  test("the caller that has the fewest for its weight comes next, though another one waits for longer", async () => {
    const places = make();
    const got: string[] = [];
    for (let taken = 0; taken < 6; taken += 1) places.take(claim("a", "greedy"));
    const waits = ["greedy", "greedy", "polite", "greedy"].map((name) => places.take(claim("a", name))?.then(() => got.push(name)));
    places.giveBack(claim("a", "greedy"));
    await delay(0);
    expect(got).toEqual(["polite"]);
    for (let back = 0; back < 3; back += 1) places.giveBack(claim("a", "greedy"));
    await Promise.all(waits);
  });

  test("too many that wait are refused at once, and one group leaves room for others there too", () => {
    const places = make({ maxWaiting: 8 });
    fill(places, claim("a"));
    for (let waiting = 1; waiting < 6; waiting += 1) places.take(claim("a"))?.catch(() => {});
    expect(() => places.take(claim("a"))).toThrow(expect.objectContaining({ kind: "Exhausted", reason: "OVERLOADED" }));
    expect(places.counts().get("a")).toMatchObject({ waiting: 6, refused: 1 });
    expect(fill(places, claim("b"))).toBe(2);
  });

  test("who waits too long is refused, and who ends meanwhile leaves", async () => {
    const places = make({ patienceMs: 20 });
    fill(places, claim("a"));
    const ending = new AbortController();
    const ended = places.take({ ...claim("a"), signal: ending.signal });
    ending.abort(new Error("gone"));
    await expect(ended).rejects.toThrow("gone");
    await expect(places.take(claim("a"))).rejects.toMatchObject({ reason: "OVERLOADED" });
    expect(places.counts().get("a")).toMatchObject({ used: 6, waiting: 0, refused: 2 });
  });

  test("whatever happens, all places are there in the end", async () => {
    const step = fc.record({
      group: fc.constantFrom("a", "b", "c"),
      name: fc.constantFrom("x", "y", undefined),
      holdMs: fc.constantFrom(0, 0, 1, 3),
      abortMs: fc.constantFrom(undefined, undefined, 0, 1),
    });
    const run = async (steps: readonly { group: string; name: string | undefined; holdMs: number; abortMs: number | undefined }[]) => {
      const places = make({ size: 3, maxWaiting: 6, patienceMs: 2 });
      let atOnce = 0;
      const all = steps.map(async ({ group, name, holdMs, abortMs }) => {
        const one = { ...claim(group, name), signal: abortMs === undefined ? undefined : AbortSignal.timeout(abortMs) };
        try {
          await places.take(one);
        } catch {
          return;
        }
        atOnce += 1;
        expect(atOnce).toBeLessThanOrEqual(3);
        await delay(holdMs);
        atOnce -= 1;
        places.giveBack(one);
      });
      await Promise.all(all);
      for (const counts of places.counts().values()) expect(counts).toMatchObject({ used: 0, waiting: 0 });
      expect(fill(places, claim("d"))).toBe(3);
    };
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), run), { numRuns: 40 });
  });
});

describe("turns of writes to an aggregate", () => {
  const never = () => new AbortController().signal;

  test("two go on at once, and 200 wait; more are refused with the reason", async () => {
    const turns = createTurns();
    const ends = [await turns.take(["user/1"], never), await turns.take(["user/1"], never)];
    const waits = Array.from({ length: 200 }, () => turns.take(["user/1"], never));
    await expect(turns.take(["user/1"], never)).rejects.toMatchObject({ kind: "Exhausted", reason: "WRITE_QUEUE_FULL" });
    ends.push(await turns.take(["user/2"], never));
    for (const end of ends) end();
    for (const wait of waits) (await wait)();
  });

  test("whatever happens, writes to several aggregates all get their turn, and two of each go on at most", async () => {
    const step = fc.record({
      keys: fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 4 }),
      abortMs: fc.constantFrom(undefined, undefined, 0, 1),
    });
    const run = async (steps: readonly { keys: readonly string[]; abortMs: number | undefined }[]) => {
      const turns = createTurns();
      const active = new Map<string, number>();
      const all = steps.map(async ({ keys, abortMs }) => {
        const signal = abortMs === undefined ? never() : AbortSignal.timeout(abortMs);
        let end: () => void;
        try {
          end = await turns.take(keys.toSorted(), () => signal);
        } catch {
          return;
        }
        for (const key of keys) {
          active.set(key, (active.get(key) ?? 0) + 1);
          expect(active.get(key)).toBeLessThanOrEqual(2);
        }
        await delay(0);
        for (const key of keys) active.set(key, (active.get(key) ?? 0) - 1);
        end();
      });
      await Promise.all(all);
      const ends = await Promise.all(["a", "b", "c", "d"].flatMap((key) => [turns.take([key], never), turns.take([key], never)]));
      for (const end of ends) end();
    };
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), run), { numRuns: 40 });
  });
});
