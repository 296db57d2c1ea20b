import type { Aggregate } from "../versions/aggregate.ts";
import type { ConsistencyToken } from "../versions/token.ts";
import type { Requirement } from "./lease.ts";
import type { Entry } from "./level1.ts";

/** The demands of one read on the freshness of its answer, and what the read is told about that answer. */
export type ReadConsistency = {
  /** Nothing but the database answers. */
  readonly strong: boolean;
  /** The answer is at least as fresh as this. */
  readonly token: ConsistencyToken | undefined;
  /** The oldest answer that is taken while the database can't be reached, in milliseconds. */
  readonly maxStaleMs: number | undefined;
  /** The age of the oldest content that went into the answer, in milliseconds; only kept with `maxStaleMs`. */
  ageMs: number;
  /** True if any content is older than the bound, or known to be outdated. */
  stale: boolean;
  /** By name, what statements of a strong read have shown beside what they were sent for; made when there is any. */
  shownTogether?: Map<string, Entry>;
};

/** A read that takes whatever is within the bound. Shared: nothing is told to it. */
export const withinBound: ReadConsistency = { strong: false, token: undefined, maxStaleMs: undefined, ageMs: 0, stale: false };

/** The demands of a token on one aggregate. */
export const requirementOf = ({ epoch, aggregates, time }: ConsistencyToken, { kind, id }: Aggregate): Requirement => ({
  epoch,
  version: aggregates.find((named) => named.kind === kind && named.id === id)?.version,
  databaseTime: time,
});
