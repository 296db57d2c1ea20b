/** One use of the store, which tells the breaker how it ended. */
export type Use = {
  /** True for the one use that a half-open breaker admits: nobody should wait for it. */
  readonly isTrial: boolean;
  readonly succeeded: () => void;
  readonly failed: (now: number) => void;
};

/** Keeps calls from a store that fails: after some failures in a row nobody asks it for a while, and then one at a time. */
export type Breaker = {
  /** Undefined: the store may not be asked now. In the half-open state one asker gets in, whose outcome decides. */
  readonly admit: (now: number) => Use | undefined;
  /** 0 closed, 1 half open, 2 open: as metrics show it. */
  readonly state: (now: number) => 0 | 1 | 2;
};

/** Failures in a row that open the breaker. */
const FAILURES = 5;
/** The time that a breaker stays open, in milliseconds: its window. */
const OPEN_MS = 1_000;

/** Makes a closed breaker; `opened` is told of every window that begins: of an onset, or since a trial failed. */
export const createBreaker = (opened: (isOnset: boolean) => void): Breaker => {
  let failures = 0;
  let openUntil = -Infinity;
  let trying = false;
  /** Counts how often it opened or closed: what was begun before says nothing about the time after. */
  let period = 0;

  return {
    admit: (now) => {
      const isTrial = failures >= FAILURES;
      if (isTrial && (trying || now < openUntil)) return undefined;
      trying = isTrial;
      const began = period;
      return {
        isTrial,
        succeeded: () => {
          if (period !== began) return;
          if (isTrial) period += 1;
          failures = 0;
          trying = false;
        },
        failed: (failedAt) => {
          if (period !== began) return;
          failures += 1;
          if (failures < FAILURES) return;
          period += 1;
          openUntil = failedAt + OPEN_MS;
          trying = false;
          opened(!isTrial);
        },
      };
    },
    state: (now) => (failures < FAILURES ? 0 : now < openUntil ? 2 : 1),
  };
};
