import type { Aggregate } from "../versions/aggregate.ts";
import type { ConsistencyToken } from "../versions/token.ts";
import type { Requirement } from "./lease.ts";
import type { Entry } from "./level1.ts";

/** What one read asks of the freshness of its answer, and what it is told about it. */
export type ReadConsistency = {
  /** Nothing but the database answers. */
  readonly strong: boolean;
  /** The answer is at least as fresh as this. */
  readonly token: ConsistencyToken | undefined;
  /** The oldest answer that is taken while the database can't be reached, in milliseconds. */
  readonly maxStaleMs: number | undefined;
  /** The age of the oldest content that went into the answer, in milliseconds; only kept with `maxStaleMs`. */
  ageMs: number;
  /** Whether any content is older than the bound. */
  stale: boolean;
  /** By name, what statements of a strong read have shown beside what they were sent for; made when there is any. */
  shownTogether?: Map<string, Entry>;
};

/** A read that takes whatever is within the bound. Shared: nothing is told to it. */
export const withinBound: ReadConsistency = { strong: false, token: undefined, maxStaleMs: undefined, ageMs: 0, stale: false };

/** What a token demands of one aggregate. */
export const requirementOf = ({ epoch, aggregates, time }: ConsistencyToken, { kind, id }: Aggregate): Requirement => ({
  epoch,
  version: aggregates.find((named) => named.kind === kind && named.id === id)?.version,
  databaseTime: time,
});
