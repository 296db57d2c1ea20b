import type { Aggregate } from "../versions/aggregate.ts";
import type { Notification } from "../versions/notification.ts";
import type { Entry } from "./level1.ts";

/** The monotonic time of this process, and functions that run tasks later. The simulation has a clock of its own. */
export type Clock = {
  /** The monotonic time, in milliseconds; never the wall clock. */
  readonly now: () => number;
  /** Runs `task` after everything that has arrived in this turn. */
  readonly defer: (task: () => void) => void;
  /** Runs `task` after `milliseconds`, unless the returned function is called before. */
  readonly after: (milliseconds: number, task: () => void) => () => void;
};

/** The store that processes share: Keyv over Redis. `get` and `set` may fail, hang, lose values, and answer late. */
export type Store = {
  readonly get: (key: string) => Promise<unknown>;
  readonly set: (key: string, value: unknown, ttlMs: number) => Promise<unknown>;
};

/** The bus that sends notifications of commits to the other processes. Notifications are hints: none has to arrive. */
export type Bus = {
  /** Publishes a notification. Never throws and never waits. */
  readonly publish: (notification: Notification) => void;
};

/** The versions of aggregates in one snapshot of the database, in the order in which they were asked for, with its epoch and time. */
export type Versions = {
  readonly epoch: string;
  /** The time of the database at the start of the transaction, which is before its snapshot, in milliseconds since the epoch. */
  readonly databaseTime: number;
  readonly versions: readonly bigint[];
};

/** The result of a load by one statement: epoch and time, and lists of versions and contents in the order of the loaded keys. */
export type Loaded<T> = Versions & {
  readonly contents: readonly T[];
  /** For each key, the content that the same snapshot has shown for other sources, which then need no statement of their own. */
  readonly loadedTogether?: readonly (readonly LoadedTogether[])[];
};

/** The times and the epoch of a snapshot of the database; `isCurrent` tells whether what the snapshot showed may be stored in the cache. */
export type SnapshotTaken = {
  readonly epoch: string;
  /** The time when the statement was sent, by the monotonic clock of this process. */
  readonly time: number;
  readonly databaseTime: number;
  readonly isCurrent: boolean;
};

/** A function that makes an entry of content that another lookup's statement has loaded too, and stores the entry in the cache. */
export type LoadedTogether = (taken: SnapshotTaken) => Entry;

/** One kind of content of the database, and the statement that loads it. */
export type Source<K, T> = {
  /** The name of the kind of content, in keys and in metrics. */
  readonly name: string;
  /** The aggregate whose version is the version of the content. */
  readonly aggregateOf: (key: K) => Aggregate;
  /** The part of the aggregate that a key stands for, as canonical text; empty where the source reads one part only. */
  readonly partOf: (key: K) => string;
  /** Loads versions and contents by one statement, in one snapshot; contents are plain data. */
  readonly load: (keys: readonly K[], signal: AbortSignal) => Promise<Loaded<T>>;
  /**
   * Reads the versions of aggregates alone, by one statement in one snapshot. A source has it if its contents follow from epoch and version, and if
   * to load them takes more than to read a version: then a read that is fully consistent confirms what is in memory. Never with `hasUnversioned`.
   */
  readonly showVersions?: (aggregates: readonly Aggregate[], signal: AbortSignal) => Promise<Versions>;
  /**
   * Tells whether a caller that gives `max_stale` may have the content while the database can't be reached. Never true of content that says
   * who may do what: is_active, superuser, permissions, session nonce, the state of a password.
   */
  readonly mayBeStale: boolean;
  /**
   * Tells whether the content has values whose changes raise no version: the times of activity. A lease says nothing about these values, so
   * such an entry is served only for the time of the bound after its own load.
   */
  readonly hasUnversioned?: boolean;
};

/** The columns that every row of a read has: about the read itself, and the version of the row's aggregate. */
type ReadRow = { readonly epoch: string; readonly database_time: number; readonly aggregate_version: bigint };

/** Makes the result of a load from the rows of its statement, one per key and in the order of the keys. */
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
