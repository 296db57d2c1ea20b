import type { Random } from "../../fuzz/random.ts";

/** What one schedule is made of, chosen by its seed. */
export type Plan = {
  readonly boundMs: number;
  readonly durationMs: number;
  readonly processes: number;
  readonly aggregates: number;
  readonly reads: number;
  readonly writes: number;
  readonly hasStore: boolean;
  readonly storeFaultRate: number;
  readonly wipes: number;
  readonly hasBus: boolean;
  readonly lostNotifications: number;
  readonly failovers: number;
  readonly outages: number;
  readonly pauses: number;
  readonly crashes: number;
  readonly steps: number;
  /** How many times little happens for almost a minute, at the end: clocks drift meanwhile. */
  readonly quietGaps: number;
};

/** Chooses: no fault is in every schedule, or it would hide what happens without it. */
export const planSchedule = (random: Random): Plan => {
  const some = (probability: number, most: number): number => (random.chance(probability) ? 1 + random.below(most) : 0);
  const boundMs = random.pick([250, 500, 1_000]);
  const quietGaps = random.chance(0.02) ? 60 : 0;
  return {
    boundMs,
    durationMs: boundMs * (4 + random.below(5)),
    processes: 2 + random.below(3),
    aggregates: 1 + random.below(2),
    reads: 50 + random.below(50),
    writes: 4 + random.below(12),
    hasStore: quietGaps > 0 || random.chance(0.7),
    storeFaultRate: quietGaps > 0 ? 0 : random.pick([0, 0, 0.05, 0.3]),
    wipes: some(0.2, 2),
    hasBus: random.chance(0.6),
    lostNotifications: random.pick([0, 0.2, 0.7]),
    failovers: some(0.4, 2),
    outages: some(0.35, 2),
    pauses: some(0.3, 3),
    crashes: some(0.2, 2),
    steps: some(0.06, 2),
    quietGaps,
  };
};
