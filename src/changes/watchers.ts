import type { DomainError } from "../errors.ts";
import { exhausted, outOfRange, unavailable } from "../errors.ts";
import type { CompiledFilter } from "./change-filter.ts";
import type { FeedChange } from "./feed-change.ts";
import { createRecentChanges } from "./recent-changes.ts";
import type { FeedState } from "./sequencer-ports.ts";
import { type Entry, wait, wake } from "./watch-entry.ts";
import { createWatchedAggregates } from "./watched-aggregates.ts";
import type { Batch, FeedSource, Watcher } from "./watcher.ts";

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
/** The most positions among which changes of particular aggregates are looked for at once. */
const MAX_POSITIONS = 5_000n;
/** The time after which a client that finds no room tries again, in milliseconds. */
const RETRY_MS = 5_000;

/** Makes the watchers of a process: at most `max`. */
export const createWatchers = ({ read, readOf, expired, failed }: FeedSource, max: number): Watchers => {
  const entries = new Set<Entry>();
  const watched = createWatchedAggregates<Entry>();
  /** Those that came since the last read began, which knew nothing of what they watch. */
  const joined = new Set<Entry>();
  let epoch: string | undefined;
  /** The position up to which changes were given to the watchers that have caught up. */
  let given = 0n;
  let head = 0n;
  let time: number | undefined;
  let target: FeedState | undefined;
  const recent = createRecentChanges();
  let isReading = false;
  let ended: (() => DomainError) | undefined;

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
    for (const change of changes) watched.each(change.aggregate, (entry) => give(entry, change, woken));
    for (const entry of woken) wake(entry);
  };

  const advance = (position: bigint): void => {
    given = position;
    if (given > head) head = given;
  };

  /** Reads what follows for all: everything, which memory keeps for those who fall behind. Returns false when there is nothing. */
  const readAll = async (): Promise<boolean> => {
    const [from, of] = [given, epoch];
    const changes = await read(from, MAX_CHANGES);
    const last = changes.at(-1);
    if (epoch !== of || last === undefined) return epoch !== of;
    advance(last.position);
    recent.add(changes);
    dispatch(changes);
    return true;
  };

  /** Reads what follows of the aggregates that are watched, and nothing of others. */
  const readWatched = async (aggregates: readonly string[], last: bigint): Promise<boolean> => {
    const [of, most] = [epoch, given + MAX_POSITIONS];
    const upTo = last < most ? last : most;
    joined.clear();
    const changes = await readOf(aggregates, given, upTo);
    if (epoch !== of) return true;
    advance(upTo);
    // It would have gaps.
    recent.clear();
    // Who came meanwhile reads pages, from where it is: the statement did not ask for what it watches.
    for (const entry of joined) {
      if (entry.isPaging || entry.position >= upTo) continue;
      entry.isPaging = true;
      wake(entry);
    }
    dispatch(changes);
    return true;
  };

  const pump = async (): Promise<void> => {
    while (target !== undefined && target.position > given && entries.size > 0) {
      const aggregates = watched.few();
      const goesOn = await (aggregates === undefined ? readAll() : readWatched(aggregates, target.position));
      if (!goesOn) break;
    }
    if (target === undefined) return;
    if (entries.size === 0 && target.position > given) {
      // Nobody is there to be told: whoever comes begins here, or reads pages.
      given = target.position;
      recent.clear();
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
        watched.clear();
      }
      epoch = state.epoch;
      [given, head, time] = [state.position, state.position, undefined];
      recent.clear();
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
    const known = recent.behind(after, MAX_CHANGES);
    if (known !== undefined) return known;
    const changes = await read(after, MAX_CHANGES);
    const next = changes[0]?.position;
    // Positions have no gaps.
    if (next === undefined ? after < given : next !== after + 1n) throw await expired();
    return changes;
  };

  const remove = (entry: Entry): void => {
    entries.delete(entry);
    joined.delete(entry);
    watched.remove(entry, entry.filter.aggregates);
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
      joined.add(entry);
      watched.add(entry, filter.aggregates);
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
