/** The versions that the feed, and own writes, have named: by them an answer that arrives late is known to be outdated. */
export type VersionMemory = {
  /** Notes that an aggregate has reached a version, which was committed before the database's time `upTo`. */
  readonly note: (aggregate: string, version: bigint, upTo: number) => void;
  /** Returns the highest version that is remembered; undefined = none. */
  readonly versionOf: (aggregate: string) => bigint | undefined;
  /** Forgets what was noted before a time of the database. */
  readonly forgetBefore: (time: number) => void;
  /** Begins anew: nothing is known of changes that were committed before a time of the database. */
  readonly restart: (time: number) => void;
  /** Returns the time of the database since which every change is remembered: an answer that is older may miss one. */
  readonly completeSince: () => number;
};

/** A version, and the time of the database before which it was committed. */
type Noted = { readonly version: bigint; readonly upTo: number };

/** The most aggregates that are remembered; with more changes than that, answers have to be younger. */
const MAX_NOTED = 100_000;

/** Makes a `VersionMemory` that knows of nothing: no answer is young enough for it until it is restarted. */
export const createVersionMemory = (): VersionMemory => {
  // In the order of upTo: what is noted again moves to the end.
  const noted = new Map<string, Noted>();
  let since = Number.POSITIVE_INFINITY;
  const forgetOldest = (aggregate: string, { upTo }: Noted): void => {
    noted.delete(aggregate);
    since = Math.max(since, upTo);
  };
  return {
    note: (aggregate, version, upTo) => {
      const before = noted.get(aggregate);
      if (before !== undefined) noted.delete(aggregate);
      noted.set(aggregate, { version: before !== undefined && before.version > version ? before.version : version, upTo });
      if (noted.size <= MAX_NOTED) return;
      const [oldest] = noted;
      if (oldest !== undefined) forgetOldest(...oldest);
    },
    versionOf: (aggregate) => noted.get(aggregate)?.version,
    forgetBefore: (time) => {
      for (const [aggregate, entry] of noted) {
        if (entry.upTo >= time) return;
        forgetOldest(aggregate, entry);
      }
    },
    restart: (time) => {
      noted.clear();
      since = time;
    },
    completeSince: () => since,
  };
};
