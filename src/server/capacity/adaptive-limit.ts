/** The time between two looks at the clock, in milliseconds: how late they come says how long the event loop takes for a turn. */
const SAMPLE_MS = 25;
/** The looks that are put together, about 100 ms. */
const LOOKS = 4;
/** The time after which two looks are enough, in milliseconds: with turns of the event loop as long as that, four would take seconds. */
const WINDOW_MS = 250;
/** How many times `targetMs` the delay is from which on the limit falls to the half, and not by a sixth. */
const FAR = 5;
/**
 * When the limit falls: the event loop is late by more than `targetMs` at nearly every look, which means that its turns take twice as long, and is at
 * work for more than the share `busy` of its time: else it is late since others have the CPU. `least` is the lowest limit.
 */
type Pressure = { readonly targetMs: number; readonly busy: number; readonly least: number };

/** With one caller alone, long turns cost nobody anything, and are cheaper by the call. */
const ALONE: Pressure = { targetMs: 4, busy: 0.95, least: Infinity };
/** With several, each call of one waits for a whole turn of another's. */
const NEIGHBOURS: Pressure = { targetMs: 3, busy: 0.9, least: 32 };

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
  /** Tells whether it looks at the clock: there were more calls than the least limit lately. */
  readonly isWatching: () => boolean;
  readonly stop: () => void;
};

/** What was seen in one window. */
type Window = {
  /** How late the event loop was at nearly every look, in milliseconds. */
  readonly delayMs: number;
  /** The share of its time that it was at work. */
  readonly utilization: number;
  /** The most calls in progress. */
  readonly peak: number;
  /** Whether several callers have called lately. */
  readonly hasNeighbours: boolean;
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

/**
 * Returns the limit of the next window: smaller by a sixth when the loop was late and busy with more calls than the least limit, by the half when it was
 * very late; else larger by a twentieth, or twice as large when the loop had time left: nothing that it knows of its limit holds then.
 */
export const nextLimit = (limit: number, { delayMs, utilization, peak, hasNeighbours, bounds }: Window): number => {
  const { max } = bounds;
  const { targetMs, busy, ...pressure } = hasNeighbours ? NEIGHBOURS : ALONE;
  const least = Math.min(pressure.least, bounds.least, max);
  if (delayMs > targetMs && utilization > busy && peak >= least) {
    const held = Math.min(limit, peak);
    // Where turns are long though few calls are let in, fewer ones would only leave less answers to a turn.
    if (delayMs > FAR * targetMs && held > bounds.least) return Math.max(Math.min(bounds.least, max), Math.floor(held / 2));
    return Math.max(least, Math.floor((held * 5) / 6));
  }
  return Math.min(max, utilization < IDLE ? 2 * limit : limit + Math.ceil(limit / 20));
};

/**
 * Makes a limit of at most `max`. It looks at the clock only while there are more calls than the least limit: a rested server has nothing to
 * limit.
 */
export const createAdaptiveLimit = (bounds: Bounds, hasNeighbours: () => boolean): AdaptiveLimit => {
  const { max, least } = bounds;
  let limit = max;
  let peak = 0;
  let delayMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let last = 0;
  let rested = 0;
  let worked = performance.eventLoopUtilization();
  let looks: number[] = [];
  let since = 0;

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
    limit = nextLimit(limit, { delayMs, utilization, peak, hasNeighbours: hasNeighbours(), bounds });
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
    delayMs: () => delayMs,
    isWatching: () => timer !== undefined,
    stop,
  };
};
