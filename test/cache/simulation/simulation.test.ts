import { expect, test } from "vitest";
import { bugs } from "./bugs.ts";
import { simulate } from "./simulate.ts";

const schedules = Number(process.env["SIMULATION_SCHEDULES"] ?? 300);
const seed = process.env["SIMULATION_SEED"] ?? String(Date.now());

test(`the cache keeps its promises over ${schedules} schedules (SIMULATION_SEED=${seed})`, {
  timeout: 60_000 + schedules * 50,
}, async () => {
  const { violations, reads, failovers } = await simulate({ seed, schedules });
  expect(violations.map(({ seed, invariant, problem }) => `${invariant}: ${problem}; --seed ${seed}`).join("\n")).toBe("");
  expect(reads).toBeGreaterThan(schedules * 30);
  expect(failovers).toBeGreaterThan(schedules / 10);
});

/** How many schedules a bug may take to be noticed. */
const PATIENCE = 3_000;

test.for(bugs)("a cache with this bug is caught: $name", { timeout: 60_000 }, async (bug) => {
  // A seed of its own, so that a change of one bug does not move the others.
  const { violations } = await simulate({ seed: bug.name, schedules: PATIENCE, bug, stopAtFirst: true });
  expect(violations.length, "violations").toBeGreaterThan(0);
});
