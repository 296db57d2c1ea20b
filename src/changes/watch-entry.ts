import type { CompiledFilter } from "./change-filter.ts";
import type { FeedChange } from "./feed-change.ts";

/** A watcher as the reader of all watchers has it. */
export type Entry = {
  readonly filter: CompiledFilter;
  /** All matching changes up to here were given, unless `pending` or the pages behind it say more. */
  position: bigint;
  pending: FeedChange[];
  /** True while the watcher reads pages by itself, until it has caught up. */
  isPaging: boolean;
  wake: (() => void) | undefined;
};

/** Wakes a watcher that waits. */
export const wake = (entry: Entry): void => {
  entry.wake?.();
  entry.wake = undefined;
};

/** Waits until the watcher is woken, the time is over, or the call ends. */
export const wait = (entry: Entry, milliseconds: number, signal: AbortSignal): Promise<void> =>
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
