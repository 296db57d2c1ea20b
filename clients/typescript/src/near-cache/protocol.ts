import { createDatabaseClock, DRIFT_MARGIN_MS } from "./clock.ts";
import { createEntries, type Entry } from "./entries.ts";
import { createVersionMemory } from "./memory.ts";
import { createStats, type NearCacheStats } from "./stats.ts";

/** An aggregate at one of its versions. Its key is that of the feed, `KIND/ID`. */
export type AggregateVersion = {
  /** The aggregate, `KIND/ID`. */
  readonly aggregate: string;
  /** Its version, which rises with each change. */
  readonly version: bigint;
};

/** What an answer rests on, as the service certifies it. Times are the database's, in milliseconds. */
export type Certificate = {
  readonly aggregates: readonly AggregateVersion[];
  /** The time at which all aggregates had these versions. */
  readonly time: number;
  /** The time from which the answer counts no more; infinity = never. */
  readonly validUntil: number;
  readonly epoch: string;
  readonly configuration: string;
};

/** What the feed vouches for: everything that was committed before `time` has been delivered. */
export type Bookmark = {
  readonly position: string;
  /** The database's time, in milliseconds; undefined = the stream is behind, and vouches for nothing. */
  readonly time: number | undefined;
  readonly epoch: string;
  readonly configuration: string;
};

/** A fetch that is under way, as `began` of the protocol returns it. */
export type Fetch = { readonly began: number; readonly generation: number };

/** The options of the protocol. */
export type ProtocolOptions = {
  /** The most that an answer may be out of date when a read begins, in milliseconds. */
  readonly boundMs: number;
  /** The service's own bound, in milliseconds: an answer of its cache can be that old when it is sent. */
  readonly serverBoundMs: number;
  /** The longest time that a fetch takes, in milliseconds. */
  readonly longestCallMs: number;
  /** The most memory of entries, in bytes. */
  readonly maxBytes: number;
  /** The kinds of aggregates that the feed is asked for; an answer that rests on another kind is not kept. */
  readonly aggregateKinds: ReadonlySet<string>;
  /** The monotonic clock of this process, in milliseconds. */
  readonly clock: () => number;
};

/** What became of an answer: kept, or why not. Only an outdated one should be fetched again. */
export type Verdict = "kept" | "outdated" | "too old" | "other epoch" | "not watching" | "other kind" | "written meanwhile";

/**
 * The protocol of the near cache, without I/O and without timers: docs/near-cache.md describes it. Whoever drives it tells it what arrives
 * (changes, bookmarks, answers, own writes) and asks it for entries.
 */
export type NearCacheProtocol = {
  /** Returns what is kept under a key, if it was the latest within the bound; undefined = it has to be fetched. */
  readonly get: <V>(key: string) => V | undefined;
  /** Notes the beginning of a fetch, before it is sent. */
  readonly began: () => Fetch;
  /** Offers an answer. */
  readonly offer: (fetch: Fetch, key: string, value: unknown, bytes: number, certificate: Certificate) => Verdict;
  /** Tells whether an answer of another read's fetch serves a read that began at a time of this process. */
  readonly serves: (certificate: Certificate, readBegan: number) => boolean;
  /** Notes changes that the feed has delivered. They outdate entries, and vouch for nothing. */
  readonly changed: (changes: readonly AggregateVersion[]) => void;
  /** Notes a bookmark, which is about all changes noted before it. */
  readonly bookmarked: (bookmark: Bookmark) => void;
  /** Learns the database's time from GetFeedPosition, which names its epoch: `sent` and `answered` are times of this process. */
  readonly calibrated: (sent: number, answered: number, databaseTime: number, databaseEpoch: string) => void;
  /** Notes that a stream begins behind a position that was reached, where the service agrees. */
  readonly resumed: () => void;
  /** Notes that a stream begins anew: what was committed before its first bookmark is unknown. */
  readonly restarted: () => void;
  /** Notes an own write by the versions that it made. */
  readonly raised: (floors: readonly AggregateVersion[]) => void;
  /** Notes that an own write was answered that changed aggregates to versions that are unknown; undefined = any. */
  readonly wrote: (aggregates: Iterable<string> | undefined) => void;
  /** Returns the place behind which a stream goes on; undefined = it has to begin anew. */
  readonly position: () => string | undefined;
  /** Tells whether the database's time is unknown, without which every read is a fetch. */
  readonly needsTime: () => boolean;
  readonly stats: () => NearCacheStats;
};

/** Makes the protocol with nothing in it: every read is a fetch until a stream has begun and the database's time is known. */
export const createProtocol = ({
  boundMs,
  serverBoundMs,
  longestCallMs,
  maxBytes,
  aggregateKinds,
  clock,
}: ProtocolOptions): NearCacheProtocol => {
  const stats = createStats();
  const entries = createEntries(maxBytes);
  const memory = createVersionMemory();
  const database = createDatabaseClock();
  const memoryMs = Math.max(boundMs, serverBoundMs) + longestCallMs;
  /** When aggregates were written by this client, to versions that it does not know; by the clock of this process. */
  const written = new Map<string, number>();
  let anyWritten = Number.NEGATIVE_INFINITY;
  let epoch: string | undefined;
  /** The epoch whose clock was observed. */
  let clockEpoch: string | undefined;
  let configuration: string | undefined;
  let position: string | undefined;
  let isFresh = false;
  /** The time of the database before which every commit has been delivered: it renews all entries. */
  let lease = Number.NEGATIVE_INFINITY;
  let offset: number | undefined;
  /** The last moment at which entries may be read, by the clock of this process. */
  let usableUntil = Number.NEGATIVE_INFINITY;
  /** Counts the times that everything was dropped, so that no fetch from before brings anything back. */
  let generation = 0;

  /** The most that the database's clock can show at a time of this process. */
  const databaseTime = (now: number): number => now + (offset ?? Number.POSITIVE_INFINITY);
  const dropAll = (): void => {
    generation += 1;
    entries.clear();
    stats.resets += 1;
  };
  /** Drops everything. What was committed before the next bookmark is unknown then: only answers from after it are kept. */
  const beginAnew = (): void => {
    dropAll();
    isFresh = true;
    memory.restart(Number.POSITIVE_INFINITY);
  };
  const renew = (now: number): void => {
    const bound = database.offset(now);
    if (bound === undefined && offset !== undefined) beginAnew();
    offset = bound === undefined ? undefined : bound + DRIFT_MARGIN_MS;
    usableUntil = offset === undefined ? Number.NEGATIVE_INFINITY : lease + boundMs - offset;
  };
  /** Forgets all that streams and clocks have shown. */
  const startOver = (): void => {
    beginAnew();
    database.reset();
    position = undefined;
    epoch = undefined;
    configuration = undefined;
    offset = undefined;
    lease = Number.NEGATIVE_INFINITY;
    usableUntil = Number.NEGATIVE_INFINITY;
  };
  const note = (changes: readonly AggregateVersion[], now: number): void => {
    for (const { aggregate, version } of changes) {
      // Without the database's time the memory begins anew at a later bookmark.
      if (offset !== undefined) memory.note(aggregate, version, databaseTime(now));
      stats.outdated += entries.outdate(aggregate, version);
    }
  };
  const forget = (now: number): void => {
    if (offset !== undefined) memory.forgetBefore(databaseTime(now) - memoryMs);
    for (const [aggregate, at] of written) {
      if (now - at <= longestCallMs) break;
      written.delete(aggregate);
    }
  };

  const judge = ({ began, generation: fetched }: Fetch, certificate: Certificate): Verdict => {
    if (fetched !== generation || epoch === undefined || offset === undefined) return "not watching";
    if (certificate.epoch !== epoch || certificate.configuration !== configuration) return "other epoch";
    if (began <= anyWritten) return "written meanwhile";
    for (const { aggregate, version } of certificate.aggregates) {
      if ((memory.versionOf(aggregate) ?? 0n) > version) return "outdated";
      if (began <= (written.get(aggregate) ?? Number.NEGATIVE_INFINITY)) return "written meanwhile";
      if (!aggregateKinds.has(aggregate.slice(0, aggregate.indexOf("/")))) return "other kind";
    }
    // A change that was committed before may have been delivered and forgotten, or never be delivered.
    return certificate.time > memory.completeSince() ? "kept" : "too old";
  };

  return {
    get: <V>(key: string): V | undefined => {
      const now = clock();
      const entry = now <= usableUntil ? entries.get(key) : undefined;
      if (entry === undefined || now + (offset as number) >= entry.validUntil) {
        stats.misses += 1;
        return undefined;
      }
      stats.hits += 1;
      return entry.value as V;
    },
    began: () => ({ began: clock(), generation }),
    offer: (fetch, key, value, bytes, certificate) => {
      const verdict = judge(fetch, certificate);
      if (verdict === "kept") {
        const { aggregates, validUntil } = certificate;
        const entry: Entry = { key, value, bytes, aggregates, validUntil };
        entries.put(entry);
      }
      stats.verdicts[verdict] += 1;
      return verdict;
    },
    serves: ({ time }, readBegan) => databaseTime(readBegan) - time <= Math.max(boundMs, serverBoundMs),
    changed: (changes) => note(changes, clock()),
    bookmarked: (bookmark) => {
      const now = clock();
      if (epoch !== undefined && epoch !== bookmark.epoch) startOver();
      if (configuration !== undefined && configuration !== bookmark.configuration) dropAll();
      ({ epoch, configuration, position } = bookmark);
      // The clock of another database is another one.
      if (clockEpoch !== epoch) database.reset();
      renew(now);
      // A time that can't be yet: the database's clock was set, and nothing that was learned of it holds.
      if (offset !== undefined && (bookmark.time ?? 0) > databaseTime(now)) {
        database.reset();
        stats.drifts += 1;
        lease = Number.NEGATIVE_INFINITY;
        return renew(now);
      }
      // Until the database's time is known, what came before the stream can't be told from what came after.
      if (isFresh && offset !== undefined) {
        memory.restart(databaseTime(now));
        isFresh = false;
      }
      if (bookmark.time !== undefined) lease = Math.max(lease, bookmark.time);
      renew(now);
      forget(now);
    },
    calibrated: (sent, answered, time, databaseEpoch) => {
      if (epoch !== undefined && databaseEpoch !== epoch) return;
      if (clockEpoch !== databaseEpoch) database.reset();
      clockEpoch = databaseEpoch;
      if (!database.observe(sent, answered, time)) {
        startOver();
        stats.drifts += 1;
        database.observe(sent, answered, time);
      }
      renew(answered);
    },
    resumed: () => {
      stats.resumes += 1;
    },
    restarted: startOver,
    raised: (floors) => note(floors, clock()),
    wrote: (aggregates) => {
      const now = clock();
      if (aggregates === undefined) {
        anyWritten = now;
        entries.clear();
        return;
      }
      for (const aggregate of aggregates) {
        written.delete(aggregate);
        written.set(aggregate, now);
        entries.outdate(aggregate);
      }
    },
    position: () => position,
    needsTime: () => offset === undefined,
    stats: () => ({
      ...stats,
      verdicts: { ...stats.verdicts },
      entries: entries.size(),
      bytes: entries.bytes(),
      lagMs: offset === undefined ? undefined : clock() + offset - lease,
    }),
  };
};
