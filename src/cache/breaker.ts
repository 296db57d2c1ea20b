/** Keeps calls from a store that fails: after some failures in a row nobody asks it for a while, and then one at a time. */
export type Breaker = {
  /** Whether the store may be asked now. In the half-open state one asker gets in, whose outcome decides. */
  readonly admits: (now: number) => boolean;
  readonly succeeded: () => void;
  readonly failed: (now: number) => void;
  /** 0 closed, 1 half open, 2 open: as metrics show it. */
  readonly state: (now: number) => 0 | 1 | 2;
};

/** Failures in a row that open the breaker. */
const FAILURES = 5;
/** How long it stays open, in milliseconds. */
const OPEN_MS = 1_000;

/** Makes a closed one. */
export const createBreaker = (): Breaker => {
  let failures = 0;
  let openUntil = -Infinity;
  let trying = false;
  return {
    admits: (now) => {
      if (failures < FAILURES) return true;
      if (trying || now < openUntil) return false;
      trying = true;
      return true;
    },
    succeeded: () => {
      failures = 0;
      trying = false;
    },
    failed: (now) => {
      failures += 1;
      if (failures >= FAILURES) openUntil = now + OPEN_MS;
      trying = false;
    },
    state: (now) => (failures < FAILURES ? 0 : now < openUntil ? 2 : 1),
  };
};
