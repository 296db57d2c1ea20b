import type { DomainError } from "../errors.ts";
import type { FeedChange } from "./feed-change.ts";

/** What a watcher gets at once: changes by position, and what its stream vouches for after them. */
export type Batch = {
  readonly changes: readonly FeedChange[];
  /** The position up to which everything was given. */
  readonly position: bigint;
  /** The last position that is known. */
  readonly head: bigint;
  /** The time of the database before which everything was given, in ms since 1970; undefined = the watcher is behind the head. */
  readonly time: number | undefined;
};

/** A watcher of the feed: it is behind a position, and asks for what follows when its client has taken what was before. */
export type Watcher = {
  /** Returns where the watcher is, with no changes. */
  readonly now: () => Batch;
  /** Waits for matching changes, at most `milliseconds`. Rejects when the stream has to end. */
  readonly next: (milliseconds: number, signal: AbortSignal) => Promise<Batch>;
  readonly remove: () => void;
};

/** The feed as the watchers of a process read it. */
export type FeedSource = {
  /** Makes the error for a position whose changes are no longer kept, which names the earliest one. */
  readonly expired: () => Promise<DomainError>;
  /** Reads the changes behind a position. */
  readonly read: (after: bigint, limit: number) => Promise<readonly FeedChange[]>;
  /** Reads the changes of some aggregates behind a position, up to another one. */
  readonly readOf: (aggregates: readonly string[], after: bigint, upTo: bigint) => Promise<readonly FeedChange[]>;
  /** Tells of a read for all watchers that failed; the next state tries again. */
  readonly failed: (error: unknown) => void;
};
