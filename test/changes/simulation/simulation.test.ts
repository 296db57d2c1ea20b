import { describe, expect, test } from "vitest";
import { bugs } from "./bugs.ts";
import { simulate } from "./simulate.ts";

/** How many schedules each bug gets to be noticed; the rarest takes a few hundred in the long form, `npm run simulate:feed -- --every-bug`. */
const SCHEDULES = 25;
/** The bugs that so few schedules notice. */
const common = new Set([
  "a bump without a row",
  "the head is not locked",
  "a locked head is skipped",
  "horizon taken after the snapshot",
  "horizon is the highest transaction id",
  "horizon is the highest row id",
  "a part vouches for the batch",
  "heartbeat with a time of its own",
  "stream resumed at the head",
  "renewed on silence",
  "a kind of aggregates left out",
  "renewed by receipt",
  "an entry inserted after its invalidation",
  "changes outdate nothing",
  "expiry ignored",
  "only the first aggregate counts",
]);

describe("sequencers and near caches in a simulated world", { timeout: 120_000 }, () => {
  test("keep their promises", async () => {
    const { reads, hits, violations } = await simulate({ seed: "suite", schedules: 150 });
    expect(violations).toEqual([]);
    expect(hits).toBeGreaterThan(reads / 10);
  });

  test.for(bugs.filter(({ name }) => common.has(name)))("and not with the bug $name", async (bug) => {
    const { violations } = await simulate({ seed: "suite", schedules: SCHEDULES, bug, stopAtFirst: true });
    expect(violations).not.toEqual([]);
  });
});
