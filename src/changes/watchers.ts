import type { DomainError } from "../errors.ts";
import { exhausted, outOfRange, unavailable } from "../errors.ts";
import type { CompiledFilter } from "./change-filter.ts";
import type { FeedChange } from "./feed-change.ts";
import type { FeedState } from "./sequencer-ports.ts";

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
  /** Tells of a read for all watchers that failed; the next state tries again. */
  readonly failed: (error: unknown) => void;
};

/** The watchers of a process, which one reader feeds. */
export type Watchers = {
  /**
   * Adds a watcher behind a position of the current epoch.
   * @throws RESOURCE_EXHAUSTED WATCHERS_EXHAUSTED when there are as many as there may be.
   */
  readonly add: (filter: CompiledFilter, position: bigint) => Watcher;
  /** Takes a state of the feed that the sequencer has learned. */
  readonly learn: (state: FeedState) => void;
  /** Ends all streams, since the service drains. */
  readonly end: () => void;
  readonly size: () => number;
};

/** The most changes of a message. */
const MAX_CHANGES = 1_000;
/** The changes that are kept in memory for watchers that fall behind a little. */
const RING = 8_192;
/** The time after which a client that finds no room tries again, in milliseconds. */
const RETRY_MS = 5_000;

type Entry = {
  readonly filter: CompiledFilter;
  /** All matching changes up to here were given, unless `pending` or the pages behind it say more. */
  position: bigint;
  pending: FeedChange[];
  /** True while the watcher reads pages by itself, until it has caught up. */
  isPaging: boolean;
  wake: (() => void) | undefined;
};

/** Makes the watchers of a process: at most `max`. */
export const createWatchers = ({ read, expired, failed }: FeedSource, max: number): Watchers => {
  const entries = new Set<Entry>();
  /** The watchers of particular aggregates, by aggregate: a change of another one costs them nothing. */
  const byAggregate = new Map<string, Set<Entry>>();
  const ofAll = new Set<Entry>();
  let epoch: string | undefined;
  /** The position up to which changes were given to the watchers that have caught up. */
  let given = 0n;
  let head = 0n;
  let time: number | undefined;
  let target: FeedState | undefined;
  let ring: FeedChange[] = [];
  let isReading = false;
  let ended: (() => DomainError) | undefined;

  const wake = (entry: Entry): void => {
    entry.wake?.();
    entry.wake = undefined;
  };
  const endAll = (why: () => DomainError): void => {
    ended = why;
    for (const entry of entries) wake(entry);
  };

  const give = (entry: Entry, change: FeedChange, woken: Set<Entry>): void => {
    if (entry.isPaging || change.position <= entry.position || !entry.filter.matches(change)) return;
    if (entry.pending.length === 0) entry.position = change.position - 1n;
    if (entry.pending.length < MAX_CHANGES) entry.pending.push(change);
    else {
      // It goes back to where its client is, and reads by itself from there: nothing grows.
      entry.pending = [];
      entry.isPaging = true;
    }
    woken.add(entry);
  };

  const dispatch = (changes: readonly FeedChange[]): void => {
    const woken = new Set<Entry>();
    for (const change of changes) {
      for (const entry of byAggregate.get(change.aggregate) ?? []) give(entry, change, woken);
      for (const entry of ofAll) give(entry, change, woken);
    }
    ring.push(...changes);
    if (ring.length > 2 * RING) ring = ring.slice(-RING);
    for (const entry of woken) wake(entry);
  };

  const pump = async (): Promise<void> => {
    while (target !== undefined && target.position > given && entries.size > 0) {
      const changes = await read(given, MAX_CHANGES);
      const last = changes.at(-1);
      if (last === undefined) break;
      given = last.position;
      if (given > head) head = given;
      dispatch(changes);
    }
    if (target === undefined) return;
    if (entries.size === 0 && target.position > given) {
      // Nobody is there to be told: whoever comes begins here, or reads pages.
      given = target.position;
      ring = [];
    }
    if (given >= target.position && target.time !== undefined) time = Math.max(time ?? -Infinity, target.time);
  };

  const learn = (state: FeedState): void => {
    if (epoch !== state.epoch) {
      if (epoch !== undefined) {
        for (const entry of entries) {
          entries.delete(entry);
          entry.isPaging = false;
          wake(entry);
        }
        byAggregate.clear();
        ofAll.clear();
      }
      epoch = state.epoch;
      [given, head, time, ring] = [state.position, state.position, undefined, []];
    }
    target = state;
    if (state.position > head) head = state.position;
    if (isReading) return;
    isReading = true;
    void pump()
      .catch(failed)
      .finally(() => {
        isReading = false;
      });
  };

  /** Reads a page for a watcher that is behind: from memory, if it is there. */
  const page = async (after: bigint): Promise<readonly FeedChange[]> => {
    const first = ring[0];
    if (first !== undefined && after >= first.position - 1n) {
      const from = Number(after - first.position + 1n);
      return ring.slice(from, from + MAX_CHANGES);
    }
    const changes = await read(after, MAX_CHANGES);
    const next = changes[0]?.position;
    // Positions have no gaps.
    if (next === undefined ? after < given : next !== after + 1n) throw await expired();
    return changes;
  };

  const setsOf = ({ aggregates }: CompiledFilter): readonly Set<Entry>[] => {
    if (aggregates === undefined) return [ofAll];
    return [...aggregates].map((aggregate) => {
      const known = byAggregate.get(aggregate) ?? new Set();
      byAggregate.set(aggregate, known);
      return known;
    });
  };

  const remove = (entry: Entry): void => {
    entries.delete(entry);
    ofAll.delete(entry);
    for (const aggregate of entry.filter.aggregates ?? []) {
      const set = byAggregate.get(aggregate);
      set?.delete(entry);
      if (set?.size === 0) byAggregate.delete(aggregate);
    }
  };

  const requireOpen = (entry: Entry): void => {
    if (ended !== undefined) throw ended();
    if (!entries.has(entry))
      throw outOfRange("POSITION_OF_ANOTHER_EPOCH", "The database is another one than before: begin with a snapshot.");
  };

  /** Returns the position of a watcher that waits for nothing: a watcher that has caught up is where all are. */
  const positionOf = (entry: Entry): bigint =>
    entry.isPaging || entry.pending.length > 0 || entry.position > given ? entry.position : given;

  const batchOf = (entry: Entry, changes: readonly FeedChange[]): Batch => {
    const position = positionOf(entry);
    return { changes, position, head: head > position ? head : position, time: entry.isPaging ? undefined : time };
  };

  /** Waits until the watcher is woken, the time is over, or the call ends. */
  const wait = (entry: Entry, milliseconds: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        entry.wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      signal.addEventListener("abort", done, { once: true });
      entry.wake = done;
    });

  const take = (entry: Entry): Batch => {
    const changes = entry.pending;
    entry.pending = [];
    entry.position = given;
    return batchOf(entry, changes);
  };

  const takePage = async (entry: Entry): Promise<Batch> => {
    const changes = await page(entry.position);
    entry.position = changes.at(-1)?.position ?? entry.position;
    // What follows is given: between this look and the next change there is no other turn.
    if (entry.position >= given) entry.isPaging = false;
    return batchOf(
      entry,
      changes.filter((change) => entry.filter.matches(change)),
    );
  };

  const next = async (entry: Entry, milliseconds: number, signal: AbortSignal): Promise<Batch> => {
    const until = performance.now() + milliseconds;
    for (;;) {
      signal.throwIfAborted();
      requireOpen(entry);
      const left = until - performance.now();
      if (entry.isPaging) {
        const batch = await takePage(entry);
        if (batch.changes.length > 0 || !entry.isPaging || performance.now() >= until) return batch;
      } else if (entry.pending.length > 0) return take(entry);
      else if (left <= 0) return batchOf(entry, []);
      else await wait(entry, left, signal);
    }
  };

  return {
    add: (filter, position) => {
      if (ended !== undefined) throw ended();
      if (entries.size >= max) {
        throw exhausted("WATCHERS_EXHAUSTED", `This process has ${max} watchers, as many as it takes.`, { retryAfterMs: RETRY_MS });
      }
      const entry: Entry = { filter, position, pending: [], isPaging: position < given, wake: undefined };
      entries.add(entry);
      for (const set of setsOf(filter)) set.add(entry);
      return {
        now: () => batchOf(entry, []),
        next: (milliseconds, signal) => next(entry, milliseconds, signal),
        remove: () => remove(entry),
      };
    },
    learn,
    end: () => endAll(() => unavailable("SHUTTING_DOWN", "The service is shutting down.")),
    size: () => entries.size,
  };
};
