import { DRIFT_MS } from "./database-clock.ts";

/**
 * The fact that the primary database showed at `time` that an aggregate's version was at most `version`. The entry of that version may
 * answer the reads that begin within the bound after `time`.
 */
export type Lease = {
  /** The epoch of the version: versions are compared within one epoch only. */
  readonly epoch: string;
  readonly version: bigint;
  /** The monotonic time of this process before the statement was sent, in milliseconds; -Infinity = too old for all reads. */
  readonly time: number;
  /** `time` by the clock of the database, which all processes share, in milliseconds since the epoch. */
  readonly databaseTime: number;
};

/** The demand of a consistency token on the lease of one aggregate: a lowest version, or an earliest time by the database's clock. */
export type Requirement = {
  /** The epoch of the token. In another epoch the token says nothing, and the read has to be strong. */
  readonly epoch: string;
  /** The least version of the aggregate; undefined when the token does not name it. */
  readonly version: bigint | undefined;
  /** The least database time, in milliseconds since the epoch; undefined unless the token names a time instead of aggregates. */
  readonly databaseTime: number | undefined;
};

/** The state of a flight (a load in progress) that decides which reads may share it. */
export type FlightState = {
  /** The time when the load was begun, by the monotonic clock of this process. */
  readonly began: number;
  /** Tells whether the statement has been sent: what it shows may be older than a read that begins now. */
  readonly sent: boolean;
  /** Tells whether nothing but the database may answer. */
  readonly strong: boolean;
};

/** The new version of an aggregate, as a commit or a notification reports it. */
export type Invalidation = { readonly epoch: string; readonly version: bigint };

/** The decisions of the cache's protocol, as pure functions, so that a test can break one. docs/consistency.md has the invariants I1 to I12. */
export type Rules = {
  /** Merges the cached lease and a newly shown one: takes the larger version and the later time. */
  readonly join: (cached: Lease | undefined, shown: Lease) => Lease;
  /** Raises the version of a lease, not its time: older entries are not served any more. Lost, late or doubled notifications do no harm. */
  readonly invalidate: (cached: Lease | undefined, invalidation: Invalidation) => Lease;
  /** I6: tells whether the lease is young enough for a read that begins `now`. A hit never renews a lease. */
  readonly isYoung: (lease: Lease, now: number, boundMs: number) => boolean;
  /** I7: tells whether the lease is at least as fresh as the token demands. */
  readonly satisfies: (lease: Lease, requirement: Requirement) => boolean;
  /** Tells whether a read may share a flight: a default read a young one, a strong read a strong one whose statement was not sent yet. */
  readonly mayShare: (flight: FlightState, strong: boolean, now: number, boundMs: number) => boolean;
  /** Tells whether the result of a shared load may answer a default read: it is young enough for that read, and nothing newer is known. */
  readonly lands: (shown: Lease, known: Lease | undefined, began: number, boundMs: number) => boolean;
  /** I3: tells whether the entry has exactly the version of the lease. */
  readonly fits: (entry: Invalidation, lease: Lease) => boolean;
  /** Converts a database time to the clock of this process; `offset` = the most that the database's clock is ahead. */
  readonly localTime: (databaseTime: number, offset: number) => number;
  /** I5: returns the time that a new lease gets; `sent` and `answered` are the times before its statement and after it. */
  readonly stamp: (sent: number, answered: number) => number;
};

/** The rules of the cache's protocol that userd runs with; only the simulation, a test, runs with others. */
export const safeRules: Rules = {
  join: (cached, shown) => {
    if (cached === undefined || cached.epoch !== shown.epoch) return shown;
    const { version } = cached.version > shown.version ? cached : shown;
    return {
      epoch: cached.epoch,
      version,
      time: Math.max(cached.time, shown.time),
      databaseTime: Math.max(cached.databaseTime, shown.databaseTime),
    };
  },
  invalidate: (cached, { epoch, version }) => {
    if (cached === undefined || cached.epoch !== epoch) return { epoch, version, time: -Infinity, databaseTime: -Infinity };
    return version > cached.version ? { ...cached, version } : cached;
  },
  // A lease from the future shows that a clock was stepped.
  isYoung: ({ time }, now, boundMs) => now - time <= boundMs && time - now <= DRIFT_MS,
  satisfies: (lease, { epoch, version, databaseTime }) =>
    lease.epoch === epoch &&
    (version === undefined || lease.version >= version) &&
    (databaseTime === undefined || lease.databaseTime >= databaseTime),
  mayShare: ({ began, sent, strong: isStrong }, strong, now, boundMs) => (strong ? isStrong && !sent : now - began <= boundMs),
  lands: ({ epoch, version, time }, known, began, boundMs) =>
    began - time <= boundMs && (known === undefined || (known.epoch === epoch && known.version <= version)),
  fits: (entry, lease) => entry.version === lease.version && entry.epoch === lease.epoch,
  localTime: (databaseTime, offset) => databaseTime - offset,
  stamp: (sent) => sent,
};
