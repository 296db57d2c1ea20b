/** Numbers that look random and are the same for the same seed. */
export type Random = {
  /** From 0 to below 1. */
  readonly next: () => number;
  /** From 0 to below `below`. */
  readonly integer: (below: number) => number;
  /** True in this share of the calls. */
  readonly chance: (share: number) => boolean;
};

/** Makes a sequence: mulberry32, which is fast and good enough for data. */
export const createRandom = (seed: number): Random => {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { next, integer: (below) => Math.floor(next() * below), chance: (share) => next() < share };
};

/** Picks from a list in which the first are far more frequent than the last, as names and domains are (Zipf's law). */
export const createSkewed = <T>(values: readonly T[], exponent = 1): ((random: Random) => T) => {
  const cumulative: number[] = [];
  let total = 0;
  for (let rank = 1; rank <= values.length; rank += 1) {
    total += 1 / rank ** exponent;
    cumulative.push(total);
  }
  return (random) => {
    const wanted = random.next() * total;
    let [low, high] = [0, values.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulative[middle] ?? total) < wanted) low = middle + 1;
      else high = middle;
    }
    return values[low] as T;
  };
};
