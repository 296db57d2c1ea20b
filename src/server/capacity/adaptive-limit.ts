import { createTurns, LONG_MS } from "./turns.ts";

/** The time between two looks at the clock, in milliseconds: how late they come says how long the event loop takes for a turn. */
const SAMPLE_MS = 25;
/** The looks that are put together, about 100 ms. */
const LOOKS = 4;
/** The time after which two looks are enough, in milliseconds: with turns of the event loop as long as that, four would take seconds. */
const WINDOW_MS = 250;
/** How many times `targetMs` the delay is from which on the limit falls to the half, and not by a sixth. */
const FAR = 5;
/**
 * When the limit of one caller alone falls: the event loop is late by more than `targetMs` at nearly every look, which means that its turns take twice as
 * long, and is at work for more than the share `busy` of its time: else it is late since others have the CPU. Long turns cost nobody else anything, and are
 * cheaper by the call.
 */
const ALONE = { targetMs: 4, busy: 0.95 } as const;
/**
 * When the limit falls with several callers, of which each waits for whole turns of the others, three for a call: turns take more than `turnMs` of CPU
 * time. `least` is the lowest limit then.
 */
const NEIGHBOURS = { turnMs: 3, least: 32 } as const;

/**
 * What turns may take where the least limit leaves them `LONG_MS` and more, in times of what it leaves: then refusals cost about as much as answers, and fewer
 * calls only leave less answers to a turn. What is known of that fades by each window, and the limit falls again to find it out.
 */
const FUTILE = { times: 1.25, fades: 0.99 } as const;

/** The share of its time below which the event loop had time left for more. */
const IDLE = 0.7;

/** The windows in a row without more calls than the least limit after which the load counts as over. */
const RESTED = 5;

/** A limit of calls in progress that becomes smaller while the event loop is late, and larger while it is not. */
export type AdaptiveLimit = {
  /** The limit now. */
  readonly current: () => number;
  /** Tells the limit how many calls are in progress, whenever one begins. */
  readonly began: (inProgress: number) => void;
  /** Returns how late the event loop was lately, in milliseconds: what a new call waits at least. */
  readonly delayMs: () => number;
  /** Notes that this turn of the event loop is at work for calls. */
  readonly noteTurn: () => void;
  /** Tells whether it looks at the clock: there were more calls than the least limit lately. */
  readonly isWatching: () => boolean;
  readonly stop: () => void;
};

/** What was seen in one window. */
type Window = {
  /** How late the event loop was at nearly every look, in milliseconds. */
  readonly delayMs: number;
  /** The CPU time of the turn that a call meets, in milliseconds. */
  readonly turnMs: number;
  /** The share of its time that it was at work. */
  readonly utilization: number;
  /** The most calls in progress. */
  readonly peak: number;
  /** Whether several callers have called lately. */
  readonly hasNeighbours: boolean;
  /** The turn that a call met in the window before this one if the limit was the least one then, in milliseconds; else 0. */
  readonly lastAtLeastMs: number;
  /** The turn that the least limit leaves, in milliseconds, where that is long; 0 = the limit can shorten turns, as far as is known. */
  readonly leftMs: number;
  readonly bounds: Bounds;
};

/** The greatest limit, and the least one: it keeps a pool of connections busy, and so few calls are no overload, however slow the machine is. */
export type Bounds = { readonly max: number; readonly least: number };

/**
 * Returns how late the event loop was at all of four looks but one, or at all of fewer. One garbage collection, or one burst of calls that is answered
 * as it came, is no overload: that lasts, and each look is late (as with CoDel, which looks at the least delay of an interval).
 */
export const standingDelay = (looks: readonly number[]): number => {
  const [least = 0, second = least] = looks.toSorted((a, b) => a - b);
  return looks.length < LOOKS ? least : second;
};

/** The limit when it need not fall: larger by a twentieth, or twice as large when the loop had time left: nothing that it knows of its limit holds then. */
const raised = (limit: number, { utilization, bounds: { max } }: Window): number =>
  Math.min(max, utilization < IDLE ? 2 * limit : limit + Math.ceil(limit / 20));

/** The limit of the next window for one caller: smaller by a sixth when the loop was late and busy with more calls than the least limit, by the half when it was very late. */
const nextAlone = (limit: number, window: Window): number => {
  const { delayMs, utilization, peak, bounds } = window;
  const least = Math.min(bounds.least, bounds.max);
  if (delayMs <= ALONE.targetMs || utilization <= ALONE.busy || peak < least) return raised(limit, window);
  const held = Math.min(limit, peak);
  // Where turns are long though few calls are let in, fewer ones would only leave less answers to a turn.
  if (delayMs > FAR * ALONE.targetMs && held > bounds.least) return Math.max(least, Math.floor(held / 2));
  return Math.max(least, Math.floor((held * 5) / 6));
};

/** The lowest limit for several callers. */
const leastBesideOthers = ({ max, least }: Bounds): number => Math.min(NEIGHBOURS.least, least, max);

/** The limit of the next window for several callers: smaller in the proportion in which turns are too long, at most by the half. */
const nextBesideOthers = (limit: number, window: Window): number => {
  const { turnMs, leftMs, peak, bounds } = window;
  const least = leastBesideOthers(bounds);
  const mostMs = Math.max(NEIGHBOURS.turnMs, FUTILE.times * leftMs);
  if (turnMs > mostMs && peak >= least) return Math.max(least, Math.floor(Math.min(limit, peak) * Math.max(0.5, mostMs / turnMs)));
  if (mostMs > NEIGHBOURS.turnMs) return Math.min(bounds.max, Math.ceil(limit * FUTILE.times));
  return turnMs > NEIGHBOURS.turnMs / 2 ? limit : raised(limit, window);
};

/** Returns the turn that a call met in a window at the least limit; 0 = the limit was a greater one, or there were fewer calls. */
const turnAtLeast = (limit: number, { turnMs, peak, hasNeighbours, bounds }: Window): number => {
  const least = leastBesideOthers(bounds);
  return hasNeighbours && limit <= least && peak >= least ? turnMs : 0;
};

/** Returns the turn that the least limit leaves, as far as is known after a window with the limit `limit`. One window may have had to answer a line of calls. */
export const turnLeft = (limit: number, window: Window): number => {
  const { turnMs, lastAtLeastMs, leftMs, hasNeighbours } = window;
  if (!hasNeighbours || turnMs < LONG_MS) return 0;
  const seen = Math.min(lastAtLeastMs, turnAtLeast(limit, window));
  return seen >= LONG_MS ? seen : leftMs * FUTILE.fades;
};

/** Returns the limit of the next window, by what was seen in the last one. */
export const nextLimit = (limit: number, window: Window): number =>
  window.hasNeighbours ? nextBesideOthers(limit, window) : nextAlone(limit, window);

/**
 * Makes a limit of at most `max`. It looks at the clock only while there are more calls than the least limit: a rested server has nothing to
 * limit.
 */
export const createAdaptiveLimit = (bounds: Bounds, hasNeighbours: () => boolean): AdaptiveLimit => {
  const { max, least } = bounds;
  let limit = max;
  let peak = 0;
  let delayMs = 0;
  let [leftMs, lastAtLeastMs] = [0, 0];
  let timer: NodeJS.Timeout | undefined;
  let last = 0;
  let rested = 0;
  let worked = performance.eventLoopUtilization();
  let looks: number[] = [];
  let since = 0;

  // A caller that comes with hundreds of calls at once is not to have whole windows of long turns.
  const turns = createTurns(() => {
    if (leftMs === 0 && hasNeighbours()) limit = Math.min(limit, least);
  });

  const stop = () => {
    clearInterval(timer);
    timer = undefined;
    delayMs = 0;
  };
  const look = () => {
    const now = performance.now();
    looks.push(Math.max(0, now - last - SAMPLE_MS));
    last = now;
    if (looks.length < LOOKS && (looks.length < 2 || now - since < WINDOW_MS)) return;
    delayMs = standingDelay(looks);
    const before = worked;
    worked = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(worked, before);
    rested = peak < Math.min(least, limit) ? rested + 1 : 0;
    const window = { delayMs, leftMs, lastAtLeastMs, turnMs: turns.met(), utilization, peak, hasNeighbours: hasNeighbours(), bounds };
    leftMs = turnLeft(limit, window);
    lastAtLeastMs = turnAtLeast(limit, window);
    limit = nextLimit(limit, { ...window, leftMs });
    // What made the limit fall is over: whoever comes now finds a server that has nothing to do.
    if (rested >= RESTED) limit = max;
    const isRested = limit === max && peak < least;
    [looks, since, peak] = [[], now, 0];
    if (isRested) stop();
  };
  const start = () => {
    last = performance.now();
    worked = performance.eventLoopUtilization();
    [looks, since] = [[], last];
    timer = setInterval(look, SAMPLE_MS).unref();
  };
  return {
    current: () => limit,
    began: (inProgress) => {
      if (inProgress > peak) peak = inProgress;
      if (timer === undefined && inProgress >= least) start();
    },
    noteTurn: () => {
      if (timer !== undefined) turns.note();
    },
    delayMs: () => delayMs,
    isWatching: () => timer !== undefined,
    stop,
  };
};
