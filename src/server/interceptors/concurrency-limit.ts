/** Counts the calls in progress over both listeners, and can be closed. */
export type ConcurrencyLimit = {
  readonly limit: number;
  /** Calls in progress. */
  inProgress: number;
  /** Set in the last phase of a drain: new calls are refused. */
  closed: boolean;
};

/** A limit that lets `limit` calls in at once. */
export const createConcurrencyLimit = (limit: number): ConcurrencyLimit => ({ limit, inProgress: 0, closed: false });
