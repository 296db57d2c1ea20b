/** Counts the calls in progress over both listeners, and can be closed. */
export type Gate = {
  readonly limit: number;
  /** Calls in progress. */
  inProgress: number;
  /** Set in the last phase of a drain: new calls are refused. */
  closed: boolean;
};

/** A gate that lets `limit` calls in at once. */
export const createGate = (limit: number): Gate => ({ limit, inProgress: 0, closed: false });
