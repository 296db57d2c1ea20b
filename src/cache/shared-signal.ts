/** Aborts when the last of several calls has ended: one that is cancelled alone must not take the others along. */
export type SharedSignal = {
  readonly signal: AbortSignal;
  /** Another call waits. */
  readonly join: (signal: AbortSignal) => void;
};

/** Makes a signal that nobody waits for yet. */
export const createSharedSignal = (onAbort?: () => void): SharedSignal => {
  const controller = new AbortController();
  let waiting = 0;
  const leave = () => {
    waiting -= 1;
    if (waiting > 0) return;
    onAbort?.();
    controller.abort();
  };
  return {
    signal: controller.signal,
    join: (signal) => {
      waiting += 1;
      if (signal.aborted) leave();
      else signal.addEventListener("abort", leave, { once: true });
    },
  };
};
