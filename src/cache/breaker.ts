/** An admission by a circuit breaker to use the shared store once. After the use, the code that used the store calls `succeeded` or `failed`. */
export type Use = {
  /** Tells whether this is the one use that a half-open breaker admits: no call should wait for it. */
  readonly isTrial: boolean;
  readonly succeeded: () => void;
  readonly failed: (now: number) => void;
};

/** A circuit breaker for a shared store: 5 failures in a row open it for 1 s. Then one trial closes it, or opens it for another second. */
export type Breaker = {
  /** Admits a use of the store; undefined = the store may not be asked now. */
  readonly admit: (now: number) => Use | undefined;
  /** The state as metrics show it: 0 closed, 1 half open, 2 open. */
  readonly state: (now: number) => 0 | 1 | 2;
};

/** The failures in a row that open the breaker. */
const FAILURES = 5;
/** The time that a breaker stays open, in milliseconds: its window. */
const OPEN_MS = 1_000;

/** Makes a circuit breaker, closed at first. It calls `opened` whenever it opens: with true when it was closed, false after a failed trial. */
export const createBreaker = (opened: (isOnset: boolean) => void): Breaker => {
  let failures = 0;
  let openUntil = -Infinity;
  let trying = false;
  /** The number of times that the breaker opened or closed: a use that began before says nothing about the time after. */
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
