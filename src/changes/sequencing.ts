/** A snapshot of the database: it shows the transactions below `xmax` that are not in `running`. */
export type Snapshot = { readonly xmax: bigint; readonly running: readonly bigint[] };

/** The head of the feed: the one row that says what has a position. */
export type Head = {
  /** The epoch in which positions are given. */
  readonly epoch: string;
  /** The last position that was given. */
  readonly position: bigint;
  /** All that this snapshot shows has a position. */
  readonly snapshot: Snapshot;
  /** The highest id that was given a position. */
  readonly changeId: bigint;
  /** What has no higher id is of an earlier epoch, and has its position: its transaction ids may be those of another cluster. */
  readonly floorId: bigint;
  /** While a batch is given positions in parts: the snapshot that shows all of it, and the last id that has its position. */
  readonly pending: { readonly snapshot: Snapshot; readonly id: bigint } | undefined;
};

/** The rows that the second statement of a pass looks for. */
export type Wanted = {
  /** The snapshot that does not show them; undefined = whatever has no position, since transaction ids can't be compared. */
  readonly unseenBy: Snapshot | undefined;
  /** The snapshot that shows them, where it is not the statement's own. */
  readonly seenBy: Snapshot | undefined;
  readonly afterId: bigint;
  /** The most rows; undefined = all. */
  readonly limit: number | undefined;
};

/** A row of the change log, or a bump, that has no position. */
export type Unplaced = {
  /** The number of the row. Rows of one aggregate have ids in the order of its versions. */
  readonly id: bigint;
  readonly changeTime: Date;
  /** True for the bump of an aggregate; false for a row of the change log. */
  readonly isBump: boolean;
  readonly aggregateKind: string;
  readonly aggregateId: string;
  readonly version: bigint;
};

/** The rows that the second statement of a pass has found, by id, and what else it has shown. */
export type Found = {
  readonly rows: readonly Unplaced[];
  /** The snapshot of the statement. */
  readonly snapshot: Snapshot;
};

/** The outcome of a pass: rows with their positions, and the new head; `head` is undefined when there is nothing to store. */
export type Placed = {
  readonly rows: readonly (Unplaced & { readonly position: bigint })[];
  readonly head: Head | undefined;
  /** Tells whether more rows of the batch wait for the next pass. */
  readonly isPart: boolean;
};

/** The decisions of the sequencer. Only the simulation, a test, passes others than `safeSequencing`. */
export type Sequencing = {
  /** Says what a pass looks for under the lock of the head; `lastId` is the highest id there is, known when the epoch has changed. */
  readonly wanted: (head: Head, epoch: string, limit: number) => Wanted;
  /** Gives positions to the rows that were found. */
  readonly place: (head: Head, epoch: string, found: Found, limit: number, lastId: bigint) => Placed;
};

/** Tells whether a snapshot shows what a transaction has written. */
export const isShown = ({ xmax, running }: Snapshot, xid: bigint): boolean => xid < xmax && !running.includes(xid);

/**
 * The decisions that keep the promises of the feed: nothing is missing, each row has one position, and positions follow the versions of each
 * aggregate. A pass takes what the snapshot of the last pass did not show, in the order of ids: whoever writes to an aggregate has its lock before the
 * row gets its id. A batch of more than `limit` rows is given positions in parts, all from the snapshot of its first part: a row that is committed
 * meanwhile may have a lower id.
 */
export const safeSequencing: Sequencing = {
  wanted: (head, epoch, limit) => {
    if (head.epoch !== epoch) return { unseenBy: undefined, seenBy: undefined, afterId: 0n, limit: undefined };
    const { snapshot, floorId, pending } = head;
    return pending === undefined
      ? { unseenBy: snapshot, seenBy: undefined, afterId: floorId, limit: limit + 1 }
      : { unseenBy: snapshot, seenBy: pending.snapshot, afterId: pending.id, limit: limit + 1 };
  },
  place: (head, epoch, found, limit, lastId) => {
    const isNewEpoch = head.epoch !== epoch;
    const isPart = !isNewEpoch && found.rows.length > limit;
    const batch = isPart ? found.rows.slice(0, limit) : found.rows;
    const last = batch.at(-1);
    // A pass that finds nothing writes nothing. What it looks through next time are the transactions since.
    if (last === undefined && !isNewEpoch && head.pending === undefined) return { rows: [], head: undefined, isPart: false };
    let { position } = head;
    const rows = batch.map((row) => ({ ...row, position: ++position }));
    const frozen = head.pending?.snapshot ?? found.snapshot;
    const whole = isNewEpoch ? found.snapshot : frozen;
    const changeId = last !== undefined && last.id > head.changeId ? last.id : head.changeId;
    const floorId = isNewEpoch ? lastId : head.floorId;
    const next = isPart
      ? { ...head, position, changeId, pending: { snapshot: frozen, id: last?.id ?? 0n } }
      : { epoch, position, changeId, floorId, snapshot: whole, pending: undefined };
    return { rows, head: next, isPart };
  },
};
