import type { FeedState, SequencerClock, SequencerDatabase } from "./sequencer-ports.ts";
import { type Sequencing, safeSequencing } from "./sequencing.ts";

/** The sequencer of this process, which gives positions to what was committed. All processes run one. */
export type Sequencer = {
  /** Tells that this process has committed something: a pass follows soon, one for all that is told meanwhile. */
  readonly told: () => void;
  /** Tells that another process has, which makes the pass: a look follows soon. */
  readonly heard: () => void;
  /** Makes a pass, if one is needed, and returns the state of the feed after it. What was committed before the call has its position then. */
  readonly run: () => Promise<FeedState>;
  /** Calls `listener` with each state that is learned. */
  readonly onState: (listener: (state: FeedState) => void) => void;
  /** Returns the last state; undefined before the first one. */
  readonly state: () => FeedState | undefined;
  /** Returns how many passes gave positions, and how many rows got one. */
  readonly counts: () => { readonly passes: number; readonly rows: number };
  /** Begins to look by itself. */
  readonly start: () => void;
  readonly stop: () => Promise<void>;
};

/** The times and sizes of a sequencer. */
export type SequencerLimits = {
  /** The time between two looks when nobody tells of a commit, in milliseconds. */
  readonly intervalMs: number;
  /** The least time between two passes, in milliseconds; more where passes take long: they take a tenth of the time at most. */
  readonly gapMs: number;
  /** The most rows of a pass. */
  readonly limit: number;
};

/** The share of the time that passes may take. */
const SHARE = 10;

/** The longest time between a commit and its pass, as far as the share goes, in milliseconds. */
const MAX_GAP_MS = 100;

/** The time for which a pass that another process makes is waited for, in milliseconds. */
const WAIT_MS = 20;

/** One pass: undefined = another process makes it. */
const pass = (database: SequencerDatabase, { wanted, place }: Sequencing, limit: number) =>
  database.pass(async (tx) => {
    const locked = await tx.lockHead();
    if (locked === undefined) return undefined;
    const { head, epoch, databaseTime } = locked;
    const lastId = head.epoch === epoch ? 0n : await tx.lockLog();
    const placed = place(head, epoch, await tx.find(wanted(head, epoch, limit), head), limit, lastId);
    if (placed.head !== undefined) await tx.store({ ...placed, head: placed.head });
    if (head.epoch !== epoch) await tx.forgetTransactions();
    const position = placed.head?.position ?? head.position;
    // The last part of a batch has what the snapshot of its first part showed, and not what was committed since.
    const isPart = placed.isPart || (head.pending !== undefined && head.epoch === epoch);
    const state: FeedState = { epoch, position, time: isPart ? undefined : databaseTime };
    return { state, rows: placed.rows.length, isPart };
  });

/** Makes the sequencer. `failed` is told of looks and passes that fail; the next one tries again. */
export const createSequencer = (
  database: SequencerDatabase,
  clock: SequencerClock,
  { intervalMs, gapMs, limit }: SequencerLimits,
  failed: (error: unknown) => void,
  rules: Sequencing = safeSequencing,
): Sequencer => {
  const listeners: ((state: FeedState) => void)[] = [];
  const counts = { passes: 0, rows: 0 };
  let state: FeedState | undefined;
  let running: Promise<FeedState> | undefined;
  /** The run that begins when the one that is running has ended: it sees what was committed meanwhile. */
  let following: Promise<FeedState> | undefined;
  let timer: (() => void) | undefined;
  let isSoon = false;
  /** Whether something was committed since the last pass began. */
  let isTold = false;
  let endedAt = -Infinity;
  let gap = gapMs;
  let isStopped = true;

  const learn = (next: FeedState): FeedState => {
    // An answer may be older than what another run has learned.
    if (state !== undefined && state.epoch === next.epoch && next.position < state.position) return next;
    state = next;
    for (const listener of listeners) listener(next);
    return next;
  };
  const pause = (milliseconds: number) => new Promise<void>((resolve) => void clock.after(milliseconds, resolve));

  /** Makes a pass if one is needed. Whoever was told of a commit need not look first. */
  const once = async (needsLook: boolean): Promise<FeedState> => {
    let isReadOnly = false;
    for (let looks = needsLook; ; looks = true) {
      if (looks) {
        const { epoch, headEpoch, position, databaseTime, isBehind } = await database.look();
        if (!isBehind && epoch === headEpoch) return learn({ epoch, position, time: databaseTime });
        // What has no position gets none here, so nothing is vouched for.
        if (isReadOnly) return learn({ epoch: headEpoch, position, time: undefined });
      }
      const passed = await pass(database, rules, limit);
      if (passed === "read only") {
        isReadOnly = true;
        continue;
      }
      if (passed === undefined || passed === "gave way") {
        await pause(WAIT_MS);
        continue;
      }
      if (passed.rows > 0) counts.passes += 1;
      counts.rows += passed.rows;
      learn(passed.state);
      if (!passed.isPart) return passed.state;
    }
  };

  const begin = (): Promise<FeedState> => {
    const startedAt = clock.now();
    const needsLook = !isTold;
    isTold = false;
    const ended = () => {
      running = undefined;
      endedAt = clock.now();
      gap = Math.max(gapMs, Math.min(MAX_GAP_MS, (endedAt - startedAt) * (SHARE - 1)));
    };
    running = once(needsLook).finally(ended);
    return running;
  };

  const run = (): Promise<FeedState> => {
    if (running === undefined) return begin();
    following ??= running
      .catch(() => {})
      .then(() => {
        following = undefined;
        return begin();
      });
    return following;
  };

  const schedule = (milliseconds: number): void => {
    timer?.();
    timer = clock.after(milliseconds, () => {
      timer = undefined;
      isSoon = false;
      if (isStopped) return;
      run()
        .catch(failed)
        .finally(() => {
          if (!isStopped && timer === undefined) schedule(intervalMs);
        });
    });
  };

  const soon = (): void => {
    if (isStopped || isSoon) return;
    isSoon = true;
    schedule(Math.max(0, endedAt + gap - clock.now()));
  };

  return {
    told: () => {
      isTold = true;
      soon();
    },
    heard: soon,
    run,
    onState: (listener) => void listeners.push(listener),
    state: () => state,
    counts: () => ({ ...counts }),
    start: () => {
      isStopped = false;
      schedule(0);
    },
    stop: async () => {
      isStopped = true;
      timer?.();
      timer = undefined;
      await following?.catch(() => {});
      await running?.catch(() => {});
    },
  };
};
