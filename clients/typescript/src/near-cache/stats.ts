import type { Verdict } from "./protocol.ts";

/** The counters of a near cache, and how far it is behind. */
export type NearCacheStats = {
  /** The reads that were answered from memory. */
  readonly hits: number;
  /** The reads that were not. */
  readonly misses: number;
  /** The answers of fetches, by what became of them. */
  readonly verdicts: Readonly<Record<Verdict, number>>;
  /** The entries that changes of the feed, and own writes, outdated. */
  readonly outdated: number;
  /** How often everything was dropped: another epoch, another configuration, a stream that could not be resumed. */
  readonly resets: number;
  /** How often a stream went on where the one before had ended. */
  readonly resumes: number;
  /** How often the clocks of this process and the database had drifted apart. */
  readonly drifts: number;
  /** The answers that are kept. */
  readonly entries: number;
  /** The memory that they take, estimated. */
  readonly bytes: number;
  /** The most that an entry can be out of date now, in milliseconds; undefined = unknown. */
  readonly lagMs: number | undefined;
};

/** The counters that the protocol keeps. */
type Counters = { -readonly [K in "hits" | "misses" | "outdated" | "resets" | "resumes" | "drifts"]: number } & {
  readonly verdicts: Record<Verdict, number>;
};

/** Makes counters that are all zero. */
export const createStats = (): Counters => ({
  hits: 0,
  misses: 0,
  outdated: 0,
  resets: 0,
  resumes: 0,
  drifts: 0,
  verdicts: {
    kept: 0,
    outdated: 0,
    "too old": 0,
    "other epoch": 0,
    "not watching": 0,
    "other kind": 0,
    "written meanwhile": 0,
  },
});
