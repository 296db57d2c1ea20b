import type { SimulationOptions, Violation } from "../../support/simulation-command.ts";
import type { Bug } from "./bugs.ts";
import { runSchedule } from "./schedule.ts";

/** What many schedules have come to. */
type Summary = {
  readonly schedules: number;
  readonly reads: number;
  readonly hits: number;
  readonly writes: number;
  readonly failovers: number;
  readonly faults: number;
  readonly violations: readonly Violation[];
};

/** Runs schedules one after the other. The first has the seed itself, so that it can be run again. */
export const simulate = async ({ seed, schedules, bug, trace, stopAtFirst = false }: SimulationOptions<Bug>): Promise<Summary> => {
  const violations: Violation[] = [];
  const sum = { schedules: 0, reads: 0, hits: 0, writes: 0, failovers: 0, faults: 0 };
  for (let index = 0; index < schedules; index += 1) {
    const name = index === 0 ? seed : `${seed}.${index}`;
    const { counts, violations: found } = await runSchedule(name, bug, trace);
    sum.schedules += 1;
    for (const what of ["reads", "hits", "writes", "failovers", "faults"] as const) sum[what] += counts[what];
    violations.push(...found.map((violation) => ({ seed: name, ...violation })));
    if (stopAtFirst && violations.length > 0) break;
  }
  return { ...sum, violations };
};
