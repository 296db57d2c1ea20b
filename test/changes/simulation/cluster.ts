import type { Found, Head, Placed, Snapshot, Unplaced, Wanted } from "../../../src/changes/sequencing.ts";
import { isShown } from "../../../src/changes/sequencing.ts";

/** A version of an aggregate. `content` is the number of the write that made it, which no other write has. */
export type Stored = { readonly version: bigint; readonly xid: bigint; readonly content: number; readonly expiresAt: number };

/** A row of the log. */
export type LogRow = Unplaced & { readonly xid: bigint; readonly transaction: Transaction; readonly aggregate: string };

/** A row of the feed. */
export type Positioned = Unplaced & { readonly position: bigint };

/** A transaction: it has an id from its first lock on. */
export type Transaction = {
  xid: bigint | undefined;
  state: "running" | "committed" | "aborted";
  /** The real time of its commit. */
  committedAt: number;
  readonly locks: Set<string>;
  readonly rows: LogRow[];
  readonly stored: Map<string, Stored>;
  feed: readonly Positioned[];
  head: Head | undefined;
  forgets: boolean;
};

/** What is committed: all that survives. */
type Durable = { readonly versions: Map<string, Stored>; readonly log: LogRow[]; readonly feed: Positioned[]; head: Head };

/** A database cluster of one epoch: what PostgreSQL does about transaction ids, snapshots, locks and sequences. */
export type Cluster = ReturnType<typeof createCluster>;

/** Returns the highest of ids; 0 = there is none. */
export const highest = (ids: Iterable<bigint>): bigint => {
  let most = 0n;
  for (const id of ids) if (id > most) most = id;
  return most;
};

const emptyHead: Head = { epoch: "e0", position: 0n, snapshot: { xmax: 3n, running: [] }, changeId: 0n, floorId: 0n, pending: undefined };

/** Makes the aggregate of a key `KIND/ID`. */
const split = (aggregate: string) => {
  const [aggregateKind = "", aggregateId = ""] = aggregate.split("/");
  return { aggregateKind, aggregateId };
};

/** Makes a cluster; `from` are the commits that it begins with, of another one. */
export const createCluster = (
  { epoch, nextXid, nextId, offset, startedAt }: { epoch: string; nextXid: bigint; nextId: bigint; offset: number; startedAt: number },
  now: () => number,
  from: readonly Transaction[],
) => {
  const durable: Durable = { versions: new Map(), log: [], feed: [], head: emptyHead };
  const commits: Transaction[] = [];
  const running = new Map<bigint, Transaction>();
  const waiters = new Map<string, (() => void)[]>();
  const holders = new Map<string, Transaction>();
  let isDown = false;
  let headHolder: Transaction | undefined;
  let logHolder: Transaction | undefined;

  const apply = (transaction: Transaction): void => {
    for (const [aggregate, stored] of transaction.stored) durable.versions.set(aggregate, stored);
    durable.log.push(...transaction.rows);
    durable.feed.push(...transaction.feed);
    if (transaction.head !== undefined) durable.head = transaction.head;
    if (transaction.forgets) for (const [aggregate, stored] of durable.versions) durable.versions.set(aggregate, { ...stored, xid: 0n });
    commits.push(transaction);
  };
  for (const transaction of from) apply(transaction);

  const requireUp = (): void => {
    if (isDown) throw new Error("the database is gone");
  };
  const snapshot = (): Snapshot => ({ xmax: nextXid, running: [...running.keys()] });
  // What a cluster begins with is there for all, whatever the ids of its transactions were elsewhere.
  const inherited = new Set(from);
  const shows = (shown: Snapshot, { transaction, xid }: LogRow): boolean =>
    inherited.has(transaction) || (transaction.state === "committed" && isShown(shown, xid));
  const assign = (transaction: Transaction): bigint => {
    if (transaction.xid === undefined) {
      transaction.xid = nextXid;
      nextXid += 1n;
      running.set(transaction.xid, transaction);
    }
    return transaction.xid;
  };
  const end = (transaction: Transaction, state: "committed" | "aborted"): void => {
    if (transaction.state !== "running") return;
    transaction.state = state;
    if (transaction.xid !== undefined) running.delete(transaction.xid);
    if (state === "committed") {
      transaction.committedAt = now();
      apply(transaction);
    }
    if (headHolder === transaction) headHolder = undefined;
    if (logHolder === transaction) logHolder = undefined;
    for (const lock of transaction.locks) {
      holders.delete(lock);
      waiters.get(lock)?.shift()?.();
    }
  };

  return {
    epoch,
    offset,
    startedAt,
    durable,
    commits,
    snapshot,
    /** The time of the database's clock. */
    time: () => now() + offset,
    nextXid: () => nextXid,
    nextId: () => nextId,
    begin: (): Transaction => {
      requireUp();
      return {
        xid: undefined,
        state: "running",
        committedAt: Infinity,
        locks: new Set(),
        rows: [],
        stored: new Map(),
        feed: [],
        head: undefined,
        forgets: false,
      };
    },
    /** Takes the lock of an aggregate. The transaction has its id before it waits. */
    lock: async (transaction: Transaction, aggregate: string): Promise<void> => {
      requireUp();
      assign(transaction);
      while (holders.has(aggregate) && holders.get(aggregate) !== transaction) {
        await new Promise<void>((resolve) => {
          const queue = waiters.get(aggregate) ?? [];
          queue.push(resolve);
          waiters.set(aggregate, queue);
        });
        requireUp();
        if (transaction.state !== "running") throw new Error("aborted");
      }
      holders.set(aggregate, transaction);
      transaction.locks.add(aggregate);
    },
    isLogLocked: () => logHolder !== undefined,
    /** Raises the version of an aggregate, once per transaction, and logs the change, unless the log does not hear of it. */
    write: (transaction: Transaction, aggregate: string, content: number, expiresAt: number, isLogged: boolean): Stored => {
      requireUp();
      const xid = assign(transaction);
      const before = transaction.stored.get(aggregate) ?? durable.versions.get(aggregate);
      const version = before?.xid === xid ? before.version : (before?.version ?? 0n) + 1n;
      const stored = { version, xid, content, expiresAt };
      transaction.stored.set(aggregate, stored);
      if (isLogged) {
        const id = nextId;
        nextId += 1n;
        transaction.rows.push({ id, xid, transaction, aggregate, ...split(aggregate), version, changeTime: new Date(0), isBump: false });
      }
      return stored;
    },
    commit: (transaction: Transaction): void => {
      requireUp();
      end(transaction, "committed");
    },
    abort: (transaction: Transaction): void => end(transaction, "aborted"),
    takeHead: (transaction: Transaction, isLocking: boolean): boolean => {
      requireUp();
      if (!isLocking) return true;
      if (headHolder !== undefined && headHolder !== transaction) return false;
      headHolder = transaction;
      return true;
    },
    isHeadTaken: () => headHolder !== undefined,
    /** Takes the lock that keeps others from writing to the log; false = somebody has written to it and is not done. */
    takeLog: (transaction: Transaction): boolean => {
      requireUp();
      if ([...running.values()].some((other) => other !== transaction && other.rows.length > 0)) return false;
      logHolder = transaction;
      return true;
    },
    /** The second statement of a pass, as sequencer-database.ts has it in SQL. */
    find: (wanted: Wanted, { snapshot: seen, changeId, floorId, pending }: Head, shown = snapshot()): Found => {
      requireUp();
      const placed = new Set(durable.feed.map(({ id }) => id));
      const isNew = ({ id, xid }: LogRow) => id > changeId || xid >= seen.xmax || seen.running.includes(xid);
      const isTaken = ({ id, xid }: LogRow) => pending !== undefined && id <= pending.id && isShown(pending.snapshot, xid);
      const { unseenBy, seenBy, afterId, limit } = wanted;
      const isWanted = (row: LogRow): boolean => {
        if (unseenBy === undefined) return row.id > floorId && isNew(row) && !isTaken(row) && !placed.has(row.id);
        const isUnseen = (row.xid >= unseenBy.xmax && row.xid < shown.xmax) || unseenBy.running.includes(row.xid);
        return isUnseen && row.id > afterId && (seenBy === undefined || isShown(seenBy, row.xid));
      };
      const rows = durable.log.filter((row) => shows(shown, row) && isWanted(row)).toSorted((a, b) => (a.id < b.id ? -1 : 1));
      return { rows: limit === undefined ? rows : rows.slice(0, limit), snapshot: shown };
    },
    isBehind: (): boolean => {
      const { snapshot: seen, floorId, pending } = durable.head;
      const isUnseen = ({ id, xid }: LogRow) => id > floorId && (xid >= seen.xmax || seen.running.includes(xid)) && xid < nextXid;
      return pending !== undefined || durable.log.some(isUnseen);
    },
    store: (transaction: Transaction, { rows, head }: Placed & { readonly head: Head }): void => {
      requireUp();
      assign(transaction);
      transaction.feed = rows;
      transaction.head = head;
    },
    /** Ends all transactions: the machine is gone. */
    crash: (): void => {
      isDown = true;
      for (const transaction of [...running.values()]) end(transaction, "aborted");
      for (const queue of waiters.values()) for (const wake of queue.splice(0)) wake();
    },
    isDown: () => isDown,
  };
};
