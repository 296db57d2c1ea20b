import type { Found, Head, Placed, Wanted } from "./sequencing.ts";

/** The state of the feed as one snapshot of the database shows it. */
export type FeedState = {
  readonly epoch: string;
  /** The last position. */
  readonly position: bigint;
  /** The time of the database before the snapshot, in ms since 1970: what was committed before it has a position; undefined = some may have none. */
  readonly time: number | undefined;
};

/** A look at the feed that takes no lock and writes nothing. */
export type Look = {
  /** The epoch of the database. */
  readonly epoch: string;
  readonly headEpoch: string;
  readonly position: bigint;
  /** The time of the database at the start of the transaction, in ms since 1970. */
  readonly databaseTime: number;
  /** Tells whether the snapshot shows something that has no position. */
  readonly isBehind: boolean;
};

/** The transaction of one pass. Each function is a statement, whose snapshot is younger than the statements before it. */
export type PassTransaction = {
  /** Locks the head; undefined = another process has it, and makes the pass. */
  readonly lockHead: () => Promise<
    | { readonly head: Head; readonly epoch: string /** The start of the transaction, in ms since 1970. */; readonly databaseTime: number }
    | undefined
  >;
  /** Waits until no transaction is writing to the log, keeps others from beginning, and returns the highest id. Only for a new epoch. */
  readonly lockLog: () => Promise<bigint>;
  readonly find: (wanted: Wanted, head: Head) => Promise<Found>;
  readonly store: (placed: Placed & { readonly head: Head }) => Promise<void>;
  /** Makes aggregates forget the transactions of another cluster, with whose ids later ones could be confused. */
  readonly forgetTransactions: () => Promise<void>;
};

/** Why a pass was not made: it had to give way to writers, or nobody can write here, as on a standby. */
export type Unmade = "gave way" | "read only";

/** The database as the sequencer uses it. */
export type SequencerDatabase = {
  readonly look: () => Promise<Look>;
  /** Runs a pass in one transaction, and rolls it back if the body throws. */
  readonly pass: <T>(body: (tx: PassTransaction) => Promise<T>) => Promise<T | Unmade>;
};

/** The clock of the sequencer: `after` runs a task later, unless the function that it returns is called before. */
export type SequencerClock = {
  readonly now: () => number;
  readonly after: (milliseconds: number, task: () => void) => () => void;
};
