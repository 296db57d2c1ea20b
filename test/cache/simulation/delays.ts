import type { Random } from "../../fuzz/random.ts";

/** How long things take, in milliseconds. */
export type Delays = {
  readonly short: () => number;
  /** Mostly short, sometimes of the order of the bound: what makes a difference to the protocol. */
  readonly network: () => number;
};

/** Makes the delays of a schedule. */
export const createDelays = (random: Random, boundMs: number): Delays => ({
  short: () => random.below(3),
  network: () => {
    const kind = random.below(100);
    if (kind < 75) return random.below(5);
    return random.below(kind < 95 ? boundMs / 6 : boundMs * 1.3);
  },
});
