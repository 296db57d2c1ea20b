/**
 * The most calls that may be in progress on the gRPC port and the HTTP port together, the number of calls in progress, and whether all new
 * calls are refused.
 */
export type ConcurrencyLimit = {
  readonly limit: number;
  inProgress: number;
  /** Tells whether new calls are refused: in the last phase of a drain. */
  closed: boolean;
};

/** Makes a limit of `limit` calls in progress; no call is in progress yet. */
export const createConcurrencyLimit = (limit: number): ConcurrencyLimit => ({ limit, inProgress: 0, closed: false });
