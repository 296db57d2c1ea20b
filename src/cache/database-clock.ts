/** Bounds the clock of the database by ours. Only rates matter: what either clock shows in absolute terms does not. */
export type DatabaseClock = {
  /**
   * Learns from one answer: it was asked for at `sent`, and arrived at `answered`, by our clock.
   * @returns false when the clocks have come apart since the answers before: whatever was derived from them is void.
   */
  readonly observe: (sent: number, answered: number, databaseTime: number) => boolean;
  /** At most the database's clock less ours, in milliseconds; undefined before the first answer. */
  readonly offset: () => number | undefined;
};

/** How far the two may drift apart, in milliseconds, before they are taken for stepped. */
const DRIFT_MS = 100;
/** How long an answer bounds the offset: two clocks of 200 ppm drift 12 ms apart meanwhile. */
const WINDOW_MS = 30_000;

/** The offset lies between `least` and `most` as far as the answers of one window tell. */
type Window = { readonly since: number; least: number; most: number };

/** Makes the clock; it keeps the bounds of this window and of the one before. */
export const createDatabaseClock = (): DatabaseClock => {
  let current: Window | undefined;
  let before: Window | undefined;
  const most = (): number => Math.min(current?.most ?? Infinity, before?.most ?? Infinity);
  const least = (): number => Math.max(current?.least ?? -Infinity, before?.least ?? -Infinity);
  return {
    observe: (sent, answered, databaseTime) => {
      // The database looked at its clock after we had sent, and before we had its answer.
      const shown = { least: databaseTime - answered, most: databaseTime - sent };
      const agrees = shown.least <= most() + DRIFT_MS && shown.most >= least() - DRIFT_MS;
      if (!agrees) {
        before = undefined;
        current = undefined;
      }
      if (current === undefined || sent - current.since > WINDOW_MS) {
        before = current;
        current = { since: sent, ...shown };
      } else {
        current.least = Math.max(current.least, shown.least);
        current.most = Math.min(current.most, shown.most);
      }
      return agrees;
    },
    offset: () => (current === undefined ? undefined : most()),
  };
};
