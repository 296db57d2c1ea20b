/** A caller and a full server, as its share depends on them. */
type Full = {
  /** The calls of the caller, and of all. */
  readonly own: number;
  readonly count: number;
  /** The limit of calls now, and the one that it can fall below for a moment. */
  readonly limit: number;
  readonly least: number;
  /** The weight of the caller, and of all that have calls in progress. */
  readonly weight: number;
  readonly weights: number;
};

/**
 * Returns the number of calls from which on a full server refuses those of a caller. Calls come in bursts, also those of a caller that calls seldom: a limit
 * that has fallen below the least one leaves shares as they are, but for a caller that has more than three quarters of the calls.
 */
export const shareOf = ({ own, count, limit, least, weight, weights }: Full): number => {
  const divided = 4 * own > 3 * count ? limit : Math.max(limit, least);
  return Math.max(1, Math.floor((divided * weight) / weights));
};
