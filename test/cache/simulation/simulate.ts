import type { SimulationOptions, Violation } from "../../support/simulation-command.ts";
import type { Bug } from "./bugs.ts";
import { invariants } from "./invariants.ts";
import { runSchedule } from "./schedule.ts";

/** What many schedules have come to. */
type Summary = {
  readonly schedules: number;
  readonly reads: number;
  readonly writes: number;
  readonly failovers: number;
  readonly faults: number;
  readonly violations: readonly Violation[];
};

/** Runs schedules one after the other and checks what each has led to. The first has the seed itself, so that it can be run again. */
export const simulate = async ({ seed, schedules, bug, trace, stopAtFirst }: SimulationOptions<Bug>): Promise<Summary> => {
  const violations: Violation[] = [];
  const sum = { schedules: 0, reads: 0, writes: 0, failovers: 0, faults: 0 };
  for (let index = 0; index < schedules; index += 1) {
    const name = index === 0 ? seed : `${seed}.${index}`;
    const { history, writes, failovers, faults } = await runSchedule(name, bug, trace);
    sum.schedules += 1;
    sum.reads += history.reads.length;
    sum.writes += writes;
    sum.failovers += failovers;
    sum.faults += faults;
    for (const [invariant, check] of Object.entries(invariants)) {
      check(history, (problem, read) => {
        const where = read === undefined ? "" : ` (${read.process.name}, read from ${read.begin} to ${read.end})`;
        violations.push({ seed: name, invariant, problem: `${problem}${where}` });
      });
    }
    if (stopAtFirst && violations.length > 0) break;
  }
  return { ...sum, violations };
};
