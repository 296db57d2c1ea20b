/** A signal that aborts when the last of several calls has ended, so that a call that is cancelled does not cancel the others. */
export type SharedSignal = {
  readonly signal: AbortSignal;
  /** Adds a call, by its signal, to the calls that have to end before the shared signal aborts. */
  readonly join: (signal: AbortSignal) => void;
};

/** Makes a signal that several calls can join. After the last of these calls ends, `onAbort` is called, and then the signal aborts. */
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
