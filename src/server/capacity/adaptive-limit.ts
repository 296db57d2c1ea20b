/** The time between two looks at the clock, in milliseconds: how late they come says how long the event loop takes for a turn. */
const SAMPLE_MS = 25;
/** The time over which looks are put together, in milliseconds. */
const WINDOW_MS = 100;
/** The lateness at which the server has more to do than it can, in milliseconds, on average: turns of the event loop take twice as long. */
const TARGET_MS = 4;
/** The share of its time that the event loop has to be at work to count as busy: else it is late since others have the CPU. */
const BUSY = 0.95;

/** A limit of calls in progress that becomes smaller while the event loop is late, and larger while it is not. */
export type AdaptiveLimit = {
  /** The limit now. */
  readonly current: () => number;
  /** Tells the limit how many calls are in progress, whenever one begins. */
  readonly began: (inProgress: number) => void;
  /** Returns how late the event loop was lately, in milliseconds: what a new call waits at least. */
  readonly delayMs: () => number;
  readonly stop: () => void;
};

/** What was seen in one window. */
type Window = {
  /** How late the event loop was on average, in milliseconds. */
  readonly delayMs: number;
  /** The share of its time that it was at work. */
  readonly utilization: number;
  /** The most calls in progress. */
  readonly peak: number;
  readonly bounds: Bounds;
};

/** The greatest limit, and the least one: it keeps a pool of connections busy, and so few calls are no overload, however slow the machine is. */
export type Bounds = { readonly max: number; readonly least: number };

/** Returns the limit of the next window: smaller by a sixth when the loop was late and busy, else larger by a twentieth. */
export const nextLimit = (limit: number, { delayMs, utilization, peak, bounds: { max, least } }: Window): number => {
  if (delayMs > TARGET_MS && utilization > BUSY) return Math.max(Math.min(least, max), Math.floor((Math.min(limit, peak) * 5) / 6));
  return Math.min(max, limit + Math.ceil(limit / 20));
};

/**
 * Makes a limit of at most `max`. It looks at the clock only while there are more calls than the least limit: a rested server has nothing to
 * limit.
 */
export const createAdaptiveLimit = (bounds: Bounds): AdaptiveLimit => {
  const { max, least } = bounds;
  let limit = max;
  let peak = 0;
  let delayMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let last = 0;
  let worked = performance.eventLoopUtilization();
  let [sum, samples, since] = [0, 0, 0];

  const stop = () => {
    clearInterval(timer);
    timer = undefined;
    delayMs = 0;
  };
  const look = () => {
    const now = performance.now();
    sum += Math.max(0, now - last - SAMPLE_MS);
    samples += 1;
    last = now;
    if (now - since < WINDOW_MS) return;
    delayMs = sum / samples;
    const before = worked;
    worked = performance.eventLoopUtilization();
    limit = nextLimit(limit, { delayMs, utilization: performance.eventLoopUtilization(worked, before).utilization, peak, bounds });
    const isRested = limit === max && peak < least;
    [sum, samples, since, peak] = [0, 0, now, 0];
    if (isRested) stop();
  };
  const start = () => {
    last = performance.now();
    worked = performance.eventLoopUtilization();
    [sum, samples, since] = [0, 0, last];
    timer = setInterval(look, SAMPLE_MS).unref();
  };
  return {
    current: () => limit,
    began: (inProgress) => {
      if (inProgress > peak) peak = inProgress;
      if (timer === undefined && inProgress >= least) start();
    },
    delayMs: () => delayMs,
    stop,
  };
};
