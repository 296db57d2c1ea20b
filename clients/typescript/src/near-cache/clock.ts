/** The functions that say how far the database's clock can be ahead of the monotonic clock of this process. */
export type DatabaseClock = {
  /**
   * Learns from one answer: `sent` and `answered` are the times of this process before and after the call, `databaseTime` is the answer.
   * @returns false when the clocks have drifted apart since the answers before: nothing that was derived from those holds.
   */
  readonly observe: (sent: number, answered: number, databaseTime: number) => boolean;
  /** Returns the most that the database's clock can be ahead, in milliseconds; undefined when no answer is young enough to say. */
  readonly offset: (now: number) => number | undefined;
  /** Forgets all answers. */
  readonly reset: () => void;
};

/** The most that the clocks may drift apart, in milliseconds; beyond it one of them was set anew. */
const DRIFT_MS = 100;
/** The time for which one window collects answers, in milliseconds. */
const WINDOW_MS = 30_000;
/** The time for which an answer bounds the offset, in milliseconds. */
const MAX_AGE_MS = 2 * WINDOW_MS;
/** What two clocks of 200 ppm drift apart within that time, in milliseconds; it counts against the bound. */
export const DRIFT_MARGIN_MS = 24;

/** The bounds of the offset by the answers of one window. */
type Window = { readonly since: number; least: number; most: number };

/**
 * Makes a `DatabaseClock`. The database looked at its clock after the call was sent, and before it was answered: that bounds the offset on
 * both sides. The upper bound makes entries older than they are, never younger.
 */
export const createDatabaseClock = (): DatabaseClock => {
  let windows: Window[] = [];
  const young = (now: number): readonly Window[] => windows.filter(({ since }) => now - since <= MAX_AGE_MS);
  return {
    observe: (sent, answered, databaseTime) => {
      const shown = { least: databaseTime - answered, most: databaseTime - sent };
      const agrees = young(answered).every(({ least, most }) => shown.least <= most + DRIFT_MS && shown.most >= least - DRIFT_MS);
      windows = agrees ? [...young(answered)] : [];
      const current = windows.at(-1);
      if (current === undefined || sent - current.since > WINDOW_MS) windows.push({ since: sent, ...shown });
      else {
        current.least = Math.max(current.least, shown.least);
        current.most = Math.min(current.most, shown.most);
      }
      return agrees;
    },
    offset: (now) => {
      const bounds = young(now);
      return bounds.length === 0 ? undefined : Math.min(...bounds.map(({ most }) => most));
    },
    reset: () => {
      windows = [];
    },
  };
};
