/** The limit of calls in progress over both listeners, and how many there are now. */
export type ConcurrencyLimit = {
  readonly limit: number;
  /** The number of calls in progress. */
  inProgress: number;
  /** True in the last phase of a drain: new calls are refused. */
  closed: boolean;
};

/** Makes a limit of `limit` calls in progress. */
export const createConcurrencyLimit = (limit: number): ConcurrencyLimit => ({ limit, inProgress: 0, closed: false });
