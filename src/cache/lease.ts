import { DRIFT_MS } from "./database-clock.ts";

/**
 * The one mutable thing of the cache: "the primary database showed at `time` that the version of the aggregate was at most
 * `version`". Whoever holds one may serve the entry of that version until the lease is too old.
 */
export type Lease = {
  /** Versions are compared within one epoch only. */
  readonly epoch: string;
  readonly version: bigint;
  /** By the monotonic clock of this process, in milliseconds, noted before the statement was sent; -Infinity lends no trust. */
  readonly time: number;
  /** The same moment by the clock of the database, in milliseconds since the epoch; what processes share. */
  readonly databaseTime: number;
};

/** The demands of a read on a lease, besides being young. */
export type Requirement = {
  /** The epoch of the token; in another one it says nothing, and the read has to be strong. */
  readonly epoch: string;
  /** The least version of the aggregate; undefined when the token does not name it. */
  readonly version: bigint | undefined;
  /** The least database time, of a token that names a moment instead of aggregates. */
  readonly databaseTime: number | undefined;
};

/** A load on its way, as far as it matters to who may share it. */
export type FlightState = {
  /** The moment that the load was begun, by the monotonic clock. */
  readonly began: number;
  /** True if the load's statement has been sent: what it will show may be older than a read that begins now. */
  readonly sent: boolean;
  /** Nothing but the database answers it. */
  readonly strong: boolean;
};

/** A message of another process: an aggregate has reached a version. */
export type Invalidation = { readonly epoch: string; readonly version: bigint };

/**
 * The decisions of the protocol, each a pure function. They are one object, so that the simulation can break them one at
 * a time and show that its checker notices. I1 to I12 are the invariants of docs/consistency.md.
 */
export type Rules = {
  /** Joins what was shown into what is cached: the larger version and the later time. */
  readonly join: (cached: Lease | undefined, shown: Lease) => Lease;
  /** A notification makes entries stale at once and lends no trust: lost, late, doubled or reordered ones do no harm. */
  readonly invalidate: (cached: Lease | undefined, invalidation: Invalidation) => Lease;
  /** I6: usable by a read that begins `now` only while young enough; no hit renews it. */
  readonly isYoung: (lease: Lease, now: number, boundMs: number) => boolean;
  /** I7: not older than the token. */
  readonly satisfies: (lease: Lease, requirement: Requirement) => boolean;
  /** A default read may share a load younger than the bound; a strong one only what has still to be sent. */
  readonly mayShare: (flight: FlightState, strong: boolean, now: number, boundMs: number) => boolean;
  /** True if a load's result may answer a default read that shared it: young enough for that read too, and nothing newer is known. */
  readonly lands: (shown: Lease, known: Lease | undefined, began: number, boundMs: number) => boolean;
  /** I3: an entry stands for exactly the version of the lease. */
  readonly fits: (entry: Invalidation, lease: Lease) => boolean;
  /** A lease from the shared store, in the time of this process; `offset` = database clock less ours, at most. */
  readonly localTime: (databaseTime: number, offset: number) => number;
  /** I5: the time that a lease carries, of the moments before its statement was sent and after it was answered. */
  readonly stamp: (sent: number, answered: number) => number;
};

/** The rules that keep the promise. */
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
  // What comes from the future proves that a clock was stepped.
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
