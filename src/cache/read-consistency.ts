import type { Aggregate } from "../versions/aggregate.ts";
import type { ConsistencyToken } from "../versions/token.ts";
import type { Foundations } from "./certificate.ts";
import type { Requirement } from "./lease.ts";
import type { Entry } from "./level1.ts";

/** The demands of one read on how fresh its answer is, and what the lookup reports about that answer. */
export type ReadConsistency = {
  /** Tells whether nothing but the database may answer. */
  readonly strong: boolean;
  /** The token that the answer has to be as fresh as; undefined = none. */
  readonly token: ConsistencyToken | undefined;
  /** The oldest answer that the caller takes while the database can't be reached, in milliseconds; undefined = none. */
  readonly maxStaleMs: number | undefined;
  /** The age of the oldest content of the answer, in milliseconds; computed only when `maxStaleMs` is set. */
  ageMs: number;
  /** Tells whether any content of the answer is older than the bound, or known to be outdated. */
  stale: boolean;
  /** Collects what the answer rests on; undefined = the caller does not ask for it. */
  readonly foundations?: Foundations | undefined;
  /** Entries, keyed by name, that the statements of a strong read have loaded for other sources. The map is made with its first entry. */
  shownTogether?: Map<string, Entry>;
};

/** The demands of a read that takes every answer within the staleness bound. The object is shared, so lookups write nothing into it. */
export const withinBound: ReadConsistency = { strong: false, token: undefined, maxStaleMs: undefined, ageMs: 0, stale: false };

/**
 * Returns the demands of a read for one of its loads, which may not end in its answer: what that reports counts with `addPart`. Only a read that
 * takes stale answers has anything to report.
 */
export const partOf = (reading: ReadConsistency): ReadConsistency =>
  reading.maxStaleMs === undefined || reading.strong ? reading : { ...reading, ageMs: 0, stale: false };

/** Adds to a read what a load has reported whose contents are in its answer. */
export const addPart = (reading: ReadConsistency, { ageMs, stale }: ReadConsistency): void => {
  if (reading.maxStaleMs === undefined) return;
  reading.ageMs = Math.max(reading.ageMs, ageMs);
  reading.stale ||= stale;
};

/** Returns what a consistency token demands of the cached contents of one aggregate before they may answer a read. */
export const requirementOf = ({ epoch, aggregates, time }: ConsistencyToken, { kind, id }: Aggregate): Requirement => ({
  epoch,
  version: aggregates.find((named) => named.kind === kind && named.id === id)?.version,
  databaseTime: time,
});
