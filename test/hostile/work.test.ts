import { describe, expect, test } from "vitest";
import { type Recorded, turnWait } from "./work.ts";

/** A record of turns of so much CPU time each, with rests between them; `fullAt` = the turns that had a full garbage collection. */
const recordOf = (turns: readonly number[], fullAt: readonly number[] = []): Recorded => {
  const samples: [number, number][] = [[0, 0]];
  const collections: [number, number][] = [];
  let [at, cpuMs] = [2_000, 0];
  for (const [index, took] of turns.entries()) {
    samples.push([at, cpuMs]);
    // By the clock a turn takes twice as long: others have the CPU meanwhile.
    if (fullAt.includes(index)) collections.push([at + 0.1, at + 2 * took]);
    [at, cpuMs] = [at + 2 * took, cpuMs + took];
    samples.push([at, cpuMs]);
    at += 5;
  }
  samples.push([at + 2_000, cpuMs]);
  return { samples, collections };
};

describe("the wait for turns of the event loop", () => {
  test("is spread over turns that are equally long", () => {
    const { p50, p90, p99 } = turnWait(recordOf(Array(100).fill(10)));
    expect(p50).toBeCloseTo(5, 1);
    expect(p90).toBeCloseTo(9, 1);
    expect(p99).toBeCloseTo(9.9, 1);
  });

  test("is met in a long turn as often as it is long", () => {
    const { p50, p90 } = turnWait(recordOf([...Array(100).fill(1), 100]));
    // Half of all meet the long one.
    expect(p50).toBeGreaterThan(0.9);
    expect(p90).toBeCloseTo(80, 0);
  });

  test("is told without turns that had a full garbage collection", () => {
    const { p99, p99WithoutCollections } = turnWait(recordOf([...Array(100).fill(2), 100], [100]));
    expect(p99).toBeGreaterThan(90);
    expect(p99WithoutCollections).toBeLessThanOrEqual(2.01);
  });

  test("leaves out the time in which clients start and stop", () => {
    const record = recordOf(Array(10).fill(2));
    const samples: Recorded["samples"] = [[0, -500], ...record.samples.slice(1), [9_000, 900]];
    expect(turnWait({ ...record, samples }).p99).toBeLessThanOrEqual(2.01);
  });
});
