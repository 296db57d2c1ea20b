import type { Bookmark, NearCacheProtocol } from "../../../clients/typescript/src/near-cache/protocol.ts";
import type { Sequencing, Unplaced } from "../../../src/changes/sequencing.ts";
import { highest } from "./cluster.ts";

/** What is wrong around the sequencer and the near cache: in the database, in the ports, in the stream, or in who drives them. */
export type Flaws = {
  /** A write raises a version and the log does not hear of it. */
  readonly bumpWithoutRow?: boolean;
  readonly headIsNotLocked?: boolean;
  readonly lockedHeadIsDone?: boolean;
  readonly findsWithOlderSnapshot?: boolean;
  readonly storesLaterSnapshot?: boolean;
  readonly storesEarlierSnapshot?: boolean;
  readonly timeOfTheEnd?: boolean;
  readonly oneEpoch?: boolean;
  readonly logIsNotLocked?: boolean;
  readonly remembersTransactions?: boolean;
  readonly bookmarkBeforeChanges?: boolean;
  readonly bookmarkOfTheFuture?: boolean;
  readonly resumesAnyEpoch?: boolean;
  readonly resumesAtHead?: boolean;
  readonly keepsOnRestart?: boolean;
  readonly renewsOnSilence?: boolean;
  readonly calibratesOnArrival?: boolean;
  readonly calibratesByAnswers?: boolean;
  readonly forgetsOwnWrites?: boolean;
  readonly filterMissesKind?: boolean;
};

/** What a wrapped protocol sees besides its calls. */
export type Surroundings = {
  /** The database's time on receipt, as the client could think it is. */
  readonly databaseTime: () => number;
};

/** A deliberate bug. */
export type Bug = {
  readonly name: string;
  readonly flaws?: Flaws;
  readonly sequencing?: (safe: Sequencing) => Partial<Sequencing>;
  readonly nearCache?: (safe: NearCacheProtocol, surroundings: Surroundings) => NearCacheProtocol;
};

const byXid = (rows: readonly Unplaced[]): readonly Unplaced[] =>
  [...rows].sort((a, b) => ((a as unknown as { xid: bigint }).xid < (b as unknown as { xid: bigint }).xid ? -1 : 1));

const withBookmark =
  (change: (bookmark: Bookmark, surroundings: Surroundings) => Bookmark) => (safe: NearCacheProtocol, around: Surroundings) => ({
    ...safe,
    bookmarked: (bookmark: Bookmark) => safe.bookmarked(change(bookmark, around)),
  });

/** Takes the versions that the feed has named for those of late answers: they seem to be the newest. */
const withoutMemory = (safe: NearCacheProtocol): NearCacheProtocol => {
  const named = new Map<string, bigint>();
  const newest = (aggregate: string, version: bigint): bigint => highest([version, named.get(aggregate) ?? 0n]);
  return {
    ...safe,
    changed: (changes) => {
      for (const { aggregate, version } of changes) named.set(aggregate, newest(aggregate, version));
      safe.changed(changes);
    },
    offer: (fetch, key, value, bytes, certificate) => {
      const aggregates = certificate.aggregates.map(({ aggregate, version }) => ({ aggregate, version: newest(aggregate, version) }));
      return safe.offer(fetch, key, value, bytes, { ...certificate, aggregates, time: Number.MAX_SAFE_INTEGER });
    },
  };
};

/** Each breaks one thing that the feed or the near cache depends on; the checker has to notice every one of them. */
export const bugs: readonly Bug[] = [
  { name: "a bump without a row", flaws: { bumpWithoutRow: true } },
  { name: "the head is not locked", flaws: { headIsNotLocked: true } },
  { name: "a locked head is skipped", flaws: { lockedHeadIsDone: true } },
  { name: "found by the snapshot of the lock", flaws: { findsWithOlderSnapshot: true } },
  { name: "horizon taken after the snapshot", flaws: { storesLaterSnapshot: true } },
  { name: "horizon taken before the snapshot", flaws: { storesEarlierSnapshot: true } },
  { name: "time of the end of a pass", flaws: { timeOfTheEnd: true } },
  { name: "epoch unseen", flaws: { oneEpoch: true } },
  { name: "log not locked in a new epoch", flaws: { logIsNotLocked: true } },
  { name: "transactions of another cluster remembered", flaws: { remembersTransactions: true } },
  {
    name: "horizon is the highest transaction id",
    sequencing: (safe) => ({
      wanted: (head, epoch, limit) => {
        const wanted = safe.wanted(head, epoch, limit);
        return wanted.unseenBy === undefined ? wanted : { ...wanted, unseenBy: { xmax: wanted.unseenBy.xmax, running: [] } };
      },
    }),
  },
  {
    name: "horizon is the highest row id",
    sequencing: (safe) => ({
      wanted: (head, epoch, limit) => {
        const wanted = safe.wanted(head, epoch, limit);
        return wanted.unseenBy === undefined ? wanted : { ...wanted, afterId: highest([head.changeId, wanted.afterId]) };
      },
    }),
  },
  {
    name: "numbered by transaction id",
    sequencing: (safe) => ({
      place: (head, epoch, found, limit, lastId) => safe.place(head, epoch, { ...found, rows: byXid(found.rows) }, limit, lastId),
    }),
  },
  {
    name: "a part vouches for the batch",
    sequencing: (safe) => ({ place: (...args) => ({ ...safe.place(...args), isPart: false }) }),
  },
  {
    name: "each part takes a snapshot of its own",
    sequencing: (safe) => ({
      wanted: (head, epoch, limit) => ({ ...safe.wanted(head, epoch, limit), seenBy: undefined }),
    }),
  },
  {
    name: "transaction ids compared across epochs",
    sequencing: (safe) => ({ wanted: (head, _, limit) => safe.wanted(head, head.epoch, limit) }),
  },
  {
    name: "no floor after a new epoch",
    sequencing: (safe) => ({
      place: (head, epoch, found, limit) => safe.place(head, epoch, found, limit, 0n),
    }),
  },
  { name: "bookmark in the middle of a batch", flaws: { bookmarkBeforeChanges: true } },
  { name: "heartbeat with a time of its own", flaws: { bookmarkOfTheFuture: true } },
  { name: "position of another epoch taken", flaws: { resumesAnyEpoch: true } },
  { name: "stream resumed at the head", flaws: { resumesAtHead: true } },
  { name: "entries kept when a stream begins anew", flaws: { keepsOnRestart: true } },
  { name: "renewed on silence", flaws: { renewsOnSilence: true } },
  { name: "clocks compared on arrival", flaws: { calibratesOnArrival: true } },
  { name: "clocks compared by answers of the cache", flaws: { calibratesByAnswers: true } },
  { name: "own writes forgotten", flaws: { forgetsOwnWrites: true } },
  { name: "a kind of aggregates left out", flaws: { filterMissesKind: true } },
  { name: "renewed by receipt", nearCache: withBookmark((bookmark, { databaseTime }) => ({ ...bookmark, time: databaseTime() })) },
  {
    name: "renewed by a bookmark without a time",
    nearCache: withBookmark((bookmark, { databaseTime }) => ({ ...bookmark, time: bookmark.time ?? databaseTime() })),
  },
  {
    name: "renewed across epochs",
    flaws: { resumesAnyEpoch: true },
    nearCache: (safe) => ({
      ...withBookmark((one) => ({ ...one, epoch: "" }))(safe, { databaseTime: () => 0 }),
      offer: (fetch, key, value, bytes, certificate) => safe.offer(fetch, key, value, bytes, { ...certificate, epoch: "" }),
    }),
  },
  {
    name: "renewed across configurations",
    nearCache: (safe) => ({
      ...withBookmark((one) => ({ ...one, configuration: "" }))(safe, { databaseTime: () => 0 }),
      offer: (fetch, key, value, bytes, certificate) => safe.offer(fetch, key, value, bytes, { ...certificate, configuration: "" }),
    }),
  },
  { name: "an entry inserted after its invalidation", nearCache: withoutMemory },
  { name: "changes outdate nothing", nearCache: (safe) => ({ ...safe, changed: () => {} }) },
  {
    name: "expiry ignored",
    nearCache: (safe) => ({
      ...safe,
      offer: (fetch, key, value, bytes, certificate) => safe.offer(fetch, key, value, bytes, { ...certificate, validUntil: Infinity }),
    }),
  },
  {
    name: "only the first aggregate counts",
    nearCache: (safe) => ({
      ...safe,
      offer: (fetch, key, value, bytes, certificate) =>
        safe.offer(fetch, key, value, bytes, { ...certificate, aggregates: certificate.aggregates.slice(0, 1) }),
    }),
  },
];
