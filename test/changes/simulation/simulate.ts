import type { Bug } from "./bugs.ts";
import { runSchedule } from "./schedule.ts";

/** An invariant that did not hold. */
export type Violation = { readonly seed: string; readonly invariant: string; readonly problem: string };

/** What many schedules have come to. */
export type Summary = {
  readonly schedules: number;
  readonly reads: number;
  readonly hits: number;
  readonly writes: number;
  readonly failovers: number;
  readonly faults: number;
  readonly violations: readonly Violation[];
};

/** How a simulation is run. */
export type SimulationOptions = {
  readonly seed: string;
  readonly schedules: number;
  readonly bug?: Bug | undefined;
  readonly trace?: ((line: string) => void) | undefined;
  /** Ends at the first schedule with a violation. */
  readonly stopAtFirst?: boolean;
};

/** Runs schedules one after the other. The first has the seed itself, so that it can be run again. */
export const simulate = async ({ seed, schedules, bug, trace, stopAtFirst = false }: SimulationOptions): Promise<Summary> => {
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
