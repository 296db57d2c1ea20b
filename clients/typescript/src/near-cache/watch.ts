import { setTimeout as delay } from "node:timers/promises";
import type { AggregateVersion, Bookmark, NearCacheProtocol } from "./protocol.ts";

/** A message of the feed. */
export type FeedMessage = { readonly changes: readonly AggregateVersion[]; readonly bookmark: Bookmark | undefined };

/** The port of the change feed. */
export type Feed = {
  /** Streams the feed behind a position, or from now on; the first message has a bookmark. */
  readonly watch: (position: string | undefined, signal: AbortSignal) => AsyncIterable<FeedMessage>;
  /** Returns the database's time, fresh, in milliseconds, and its epoch. */
  readonly databaseTime: () => Promise<{ readonly time: number; readonly epoch: string }>;
  /** Tells whether an error of `watch` says that its position leads nowhere any more. */
  readonly isPositionLost: (error: unknown) => boolean;
};

/** The options of `watchFeed`. */
export type WatchOptions = {
  readonly feed: Feed;
  readonly protocol: NearCacheProtocol;
  readonly clock: () => number;
  /** The silence after which a stream is taken for dead, in milliseconds. */
  readonly silenceMs: number;
  readonly signal: AbortSignal;
  readonly onMessage: (message: FeedMessage) => void;
  readonly onError: (error: unknown) => void;
};

/** How often the clocks are compared, in milliseconds: six times while an answer bounds the offset. */
const COMPARE_MS = 10_000;
const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 5_000;

/** A signal that fires with another one, and when nobody has called `heard` for a while. */
const createWatchdog = (silenceMs: number, signal: AbortSignal) => {
  const controller = new AbortController();
  const bark = () => controller.abort(new Error(`The feed was silent for ${silenceMs} ms.`));
  const timer = setTimeout(bark, silenceMs).unref();
  return {
    signal: AbortSignal.any([signal, controller.signal]),
    heard: () => timer.refresh(),
    [Symbol.dispose]: () => clearTimeout(timer),
  };
};

/** Feeds the protocol until the signal fires: it opens the stream, resumes it when it breaks, and compares the clocks. */
export const watchFeed = async ({ feed, protocol, clock, silenceMs, signal, onMessage, onError }: WatchOptions): Promise<void> => {
  let comparing = false;
  const compare = async (): Promise<void> => {
    if (comparing) return;
    comparing = true;
    try {
      const sent = clock();
      const { time, epoch } = await feed.databaseTime();
      protocol.calibrated(sent, clock(), time, epoch);
    } finally {
      comparing = false;
    }
  };
  const stream = async (): Promise<void> => {
    using watchdog = createWatchdog(silenceMs, signal);
    const position = protocol.position();
    if (position === undefined) protocol.restarted();
    await compare();
    let isFirst = true;
    for await (const message of feed.watch(position, watchdog.signal)) {
      watchdog.heard();
      if (isFirst && position !== undefined) protocol.resumed();
      isFirst = false;
      protocol.changed(message.changes);
      if (message.bookmark !== undefined) protocol.bookmarked(message.bookmark);
      onMessage(message);
      if (protocol.needsTime()) void compare().catch(onError);
    }
  };
  const timer = setInterval(() => void compare().catch(onError), COMPARE_MS).unref();
  let wait = FIRST_WAIT_MS;
  try {
    while (!signal.aborted) {
      const began = clock();
      try {
        await stream();
      } catch (error) {
        if (signal.aborted) return;
        if (feed.isPositionLost(error)) protocol.restarted();
        onError(error);
      }
      // A stream that lived for a while ended in good order: the next one may come at once.
      wait = clock() - began > LONGEST_WAIT_MS ? FIRST_WAIT_MS : Math.min(wait * 2, LONGEST_WAIT_MS);
      await delay(wait * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {});
    }
  } finally {
    clearInterval(timer);
  }
};
