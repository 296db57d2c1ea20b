/**
 * The functions that estimate how far the database's clock is ahead of this process's clock. The leases in the shared store carry times of the
 * database's clock.
 */
export type DatabaseClock = {
  /**
   * Updates the bounds from one answer of the database; `sent` and `answered` are the times of this process before and after it.
   * @returns false when the clocks have drifted apart since the answers before: all that was derived from those answers is void.
   */
  readonly observe: (sent: number, answered: number, databaseTime: number) => boolean;
  /** Returns the most that the database's clock can be ahead, in milliseconds; undefined when no answer is young enough to say. */
  readonly offset: (now: number) => number | undefined;
  /** Returns the offset that the last answers gave, however old and of whichever database: for uses that need no precision. */
  readonly lastOffset: () => number | undefined;
  /** Deletes all bounds, since the database is another one. */
  readonly reset: () => void;
};

/** The most that the clocks of database and process may drift apart, in milliseconds; beyond it, one of them must have been set anew. */
export const DRIFT_MS = 100;
/** The time for which answers are collected in one window, in milliseconds. */
const WINDOW_MS = 30_000;
/** The time for which a window bounds the offset, in milliseconds: two clocks of 200 ppm drift 24 ms apart meanwhile. */
const MAX_AGE_MS = 2 * WINDOW_MS;

/** The bounds of the offset by the answers of one window: it lies between `least` and `most`. */
type Window = { readonly since: number; least: number; most: number };

/** Makes a `DatabaseClock` that has seen no answer of the database yet. Its `offset` comes from the answers of the last 60 s only. */
export const createDatabaseClock = (): DatabaseClock => {
  let current: Window | undefined;
  let before: Window | undefined;
  let last: number | undefined;
  // Each answer asks, so they make no lists.
  const isYoung = (window: Window | undefined, now: number): window is Window => window !== undefined && now - window.since <= MAX_AGE_MS;
  const most = (now: number): number =>
    Math.min(isYoung(current, now) ? current.most : Infinity, isYoung(before, now) ? before.most : Infinity);
  const least = (now: number): number =>
    Math.max(isYoung(current, now) ? current.least : -Infinity, isYoung(before, now) ? before.least : -Infinity);
  return {
    observe: (sent, answered, databaseTime) => {
      // The database looked at its clock after we had sent, and before we had its answer.
      const [shownLeast, shownMost] = [databaseTime - answered, databaseTime - sent];
      const agrees = shownLeast <= most(sent) + DRIFT_MS && shownMost >= least(sent) - DRIFT_MS;
      if (!agrees) {
        before = undefined;
        current = undefined;
      }
      if (current === undefined || sent - current.since > WINDOW_MS) {
        before = current;
        current = { since: sent, least: shownLeast, most: shownMost };
      } else {
        current.least = Math.max(current.least, shownLeast);
        current.most = Math.min(current.most, shownMost);
      }
      last = most(sent);
      return agrees;
    },
    // A process whose reads all find something in the shared store learns nothing of the database's clock.
    offset: (now) => (isYoung(current, now) || isYoung(before, now) ? most(now) : undefined),
    lastOffset: () => last,
    reset: () => {
      before = undefined;
      current = undefined;
    },
  };
};
