import type { Subject } from "../versions/subject.ts";
import type { ConsistencyToken } from "../versions/token.ts";
import type { Floor } from "./certificate.ts";
import type { Entry } from "./level1.ts";

/** What one read asks of the freshness of its answer, and what it is told about it. */
export type Reading = {
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
  shownBeside?: Map<string, Entry>;
};

/** A read that takes whatever is within the bound. Shared: nothing is told to it. */
export const fastReading: Reading = { strong: false, token: undefined, maxStaleMs: undefined, ageMs: 0, stale: false };

/** What a token demands of one subject. */
export const floorOf = ({ epoch, subjects, time }: ConsistencyToken, { kind, id }: Subject): Floor => ({
  epoch,
  version: subjects.find((named) => named.kind === kind && named.id === id)?.version,
  databaseTime: time,
});
