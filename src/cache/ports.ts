import type { Aggregate } from "../versions/aggregate.ts";
import type { Notification } from "../versions/notification.ts";
import type { Entry } from "./level1.ts";

/** The time of this process, and its turns: the simulation brings its own. */
export type Clock = {
  /** Monotonic milliseconds; never the wall clock. */
  readonly now: () => number;
  /** Runs `task` after all that has arrived in this turn. */
  readonly defer: (task: () => void) => void;
  /** Runs `task` after `milliseconds`; the result takes it back. */
  readonly after: (milliseconds: number, task: () => void) => () => void;
};

/** A shared store of nothing but get and set: Keyv over Redis. Both may fail, hang, forget, and answer late. */
export type Store = {
  readonly get: (key: string) => Promise<unknown>;
  readonly set: (key: string, value: unknown, ttlMs: number) => Promise<unknown>;
};

/** Carries notifications to the other processes. They are hints: none has to arrive. */
export type Bus = {
  /** Never throws and never waits. */
  readonly publish: (notification: Notification) => void;
};

/** The result of one statement on the primary, parallel to the keys that it was asked for. */
export type Loaded<T> = {
  readonly epoch: string;
  /** The time of the database at the start of its transaction, which is before its snapshot: milliseconds since the epoch. */
  readonly databaseTime: number;
  readonly versions: readonly bigint[];
  readonly contents: readonly T[];
  /** For each key, what the same snapshot has shown for other sources, so that they need no statement of their own. */
  readonly loadedTogether?: readonly (readonly LoadedTogether[])[];
};

/** The moment and the epoch of a snapshot; `isCurrent` = what the snapshot has shown may be kept. */
export type SnapshotTaken = {
  readonly epoch: string;
  /** The moment that its statement was sent, by the monotonic clock of this process. */
  readonly time: number;
  readonly databaseTime: number;
  readonly isCurrent: boolean;
};

/** Content and version of a key of another source, made by its lookup: kept as what that source loads itself. */
export type LoadedTogether = (taken: SnapshotTaken) => Entry;

/** The database, as one kind of content is read from it. */
export type Source<K, T> = {
  /** The kind of content, in keys and in metrics. */
  readonly name: string;
  /** The aggregate whose version is the version of the content. */
  readonly aggregateOf: (key: K) => Aggregate;
  /** The part of the aggregate that a key stands for, where the source reads several; canonical. */
  readonly partOf: (key: K) => string;
  /** One statement that reads version and content in one snapshot; contents are plain data. */
  readonly load: (keys: readonly K[], signal: AbortSignal) => Promise<Loaded<T>>;
  /**
   * True if a caller who gives `max_stale` may have the content while the database can't be reached. Never for content that
   * says who may do what: is_active, superuser, permissions, session nonce, the state of a password.
   */
  readonly mayBeStale: boolean;
  /**
   * True if the content holds what moves no version: the times of activity. Such an entry is served within the bound of its
   * own load only, since a lease says nothing about it.
   */
  readonly hasUnversioned?: boolean;
};

/** The columns in every row of a read that tell of the read itself, and of the version of its aggregate. */
type ReadRow = { readonly epoch: string; readonly database_time: number; readonly aggregate_version: bigint };

/** Makes of the rows of one statement, one per key and in their order, what a source has loaded. */
export const loadedOf = <R extends ReadRow, T>(rows: readonly R[], contentOf: (row: R) => T): Loaded<T> => {
  const [first] = rows;
  if (first === undefined) throw new Error("A source has a row for every key.");
  return {
    epoch: first.epoch,
    databaseTime: first.database_time,
    versions: rows.map(({ aggregate_version: version }) => version),
    contents: rows.map(contentOf),
  };
};
