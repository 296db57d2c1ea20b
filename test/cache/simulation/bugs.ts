import type { Lease, Rules } from "../../../src/cache/lease.ts";

/** What is wrong around the cache: in the database, in the ports, or in who calls it. */
export type Flaws = {
  readonly noBump?: boolean;
  readonly lateBump?: boolean;
  readonly unlockedVersions?: boolean;
  readonly versionAfterData?: boolean;
  readonly replica?: boolean;
  readonly oneEpoch?: boolean;
  readonly swallowsFailures?: boolean;
  readonly joinedKeys?: boolean;
  readonly altersAnswers?: boolean;
  readonly hidesStale?: boolean;
  readonly ignoresMaxStale?: boolean;
  readonly ignoresStrong?: boolean;
  readonly remembersVersions?: boolean;
  readonly lendsVersions?: boolean;
  readonly hidesCancellation?: boolean;
  readonly waitsForStore?: boolean;
  readonly busThrows?: boolean;
};

/** What a rule of one process can see besides its arguments. */
export type Surroundings = {
  readonly safe: Rules;
  readonly now: () => number;
  /** By the wall clock of the process, which nobody has set. */
  readonly wallTime: () => number;
};

/** A deliberate bug. */
export type Bug = {
  readonly name: string;
  readonly flaws?: Flaws;
  readonly rules?: (surroundings: Surroundings) => Partial<Rules>;
};

const isLater = (a: Lease, b: Lease): boolean => a.time > b.time;

/** Hits renew the trust: the time of the last hit counts, and no more the lease's. */
const slidingTrust = ({ safe }: Surroundings): Partial<Rules> => {
  const renewed = new WeakMap<Lease, number>();
  return {
    isYoung: (lease, now, boundMs) => {
      const isYoung = safe.isYoung({ ...lease, time: renewed.get(lease) ?? lease.time }, now, boundMs);
      if (isYoung) renewed.set(lease, now);
      return isYoung;
    },
  };
};

/** Each breaks one thing that the protocol depends on; the checker has to notice every one of them. */
export const bugs: readonly Bug[] = [
  { name: "no bump", flaws: { noBump: true } },
  { name: "bump outside the transaction", flaws: { lateBump: true } },
  { name: "versions without a lock", flaws: { unlockedVersions: true } },
  { name: "version read after the data", flaws: { versionAfterData: true } },
  { name: "replica fill", flaws: { replica: true } },
  { name: "no epoch", flaws: { oneEpoch: true } },
  {
    name: "versions compared across epochs",
    rules: () => ({ fits: (entry, lease) => entry.version === lease.version }),
  },
  { name: "failure taken for content", flaws: { swallowsFailures: true } },
  { name: "cancellation unseen", flaws: { hidesCancellation: true } },
  { name: "keys joined with a separator", flaws: { joinedKeys: true } },
  { name: "entry altered by a reader", flaws: { altersAnswers: true } },
  { name: "stale not told", flaws: { hidesStale: true } },
  { name: "max_stale ignored", flaws: { ignoresMaxStale: true } },
  { name: "strong ignored", flaws: { ignoresStrong: true } },
  { name: "confirmed by versions of before", flaws: { remembersVersions: true } },
  { name: "what comes along has the version of what brought it", flaws: { lendsVersions: true } },
  { name: "no budget for the shared store", flaws: { waitsForStore: true } },
  { name: "failing bus fails the write", flaws: { busThrows: true } },
  { name: "token ignored", rules: () => ({ satisfies: () => true }) },
  {
    name: "token of a moment ignored",
    rules: ({ safe }) => ({ satisfies: (lease, floor) => safe.satisfies(lease, { ...floor, databaseTime: undefined }) }),
  },
  { name: "sliding trust", rules: slidingTrust },
  { name: "stamp on receipt", rules: () => ({ stamp: (_sent, answered) => answered }) },
  {
    name: "notification lends trust",
    rules: ({ safe, now }) => ({ invalidate: (held, invalidation) => ({ ...safe.invalidate(held, invalidation), time: now() }) }),
  },
  {
    name: "strong read joins a sent flight",
    rules: ({ safe }) => ({ mayShare: (flight, strong, now, boundMs) => strong || safe.mayShare(flight, strong, now, boundMs) }),
  },
  {
    name: "old flight joined",
    rules: ({ safe }) => ({
      mayShare: (flight, strong) => (strong ? flight.strong && !flight.sent : true),
      lands: (shown, known, _began, boundMs) => safe.lands(shown, known, shown.time, boundMs),
    }),
  },
  {
    name: "landed answer outdated by a write",
    rules: ({ safe }) => ({ lands: (shown, _known, began, boundMs) => safe.lands(shown, undefined, began, boundMs) }),
  },
  {
    name: "invalidation forgotten",
    rules: () => ({ invalidate: (held, { epoch, version }) => held ?? { epoch, version, time: -Infinity, databaseTime: -Infinity } }),
  },
  { name: "last answer wins", rules: () => ({ join: (_held, shown) => shown }) },
  {
    name: "later time joined to the lesser version",
    rules: ({ safe }) => ({
      join: (held, shown) => {
        const joined = safe.join(held, shown);
        return held?.epoch === shown.epoch && isLater(held, shown) ? { ...joined, version: shown.version } : joined;
      },
    }),
  },
  {
    name: "entry of any older version fits",
    rules: () => ({ fits: (entry, { epoch, version }) => entry.epoch === epoch && entry.version <= version }),
  },
  {
    name: "shared lease dated by the wall clock",
    rules: ({ now, wallTime }) => ({ localTime: (databaseTime) => databaseTime - wallTime() + now() }),
  },
  { name: "shared lease dated on arrival", rules: ({ now }) => ({ localTime: () => now() }) },
];
