/** The most calls that may be in progress over both listeners, and how many are now. */
export type ConcurrencyLimit = {
  readonly limit: number;
  inProgress: number;
  /** Tells whether new calls are refused: in the last phase of a drain. */
  closed: boolean;
};

/** Makes the limit of calls in progress, of which there are none yet. */
export const createConcurrencyLimit = (limit: number): ConcurrencyLimit => ({ limit, inProgress: 0, closed: false });
