import type { Call } from "../call.ts";

/** A call or a shared signal, as far as its end goes. What can say by itself that it has ended needs no AbortSignal. */
export type Ending = Pick<Call, "signal"> | Required<Pick<Call, "onAbort">>;

/**
 * A signal that aborts when the last of several calls has ended, so that a call that is cancelled does not cancel the others. A miss makes two of
 * them, so it has no AbortSignal until one is asked for.
 */
export type SharedSignal = {
  /** Returns the AbortSignal, made when it is first asked for. */
  readonly signal: () => AbortSignal;
  /** Throws the reason of the AbortSignal, if the last call has ended. */
  readonly throwIfAborted: () => void;
  /** Adds a call, or the calls of another shared signal, to what has to end before the shared signal aborts. */
  readonly join: (other: Ending) => void;
  /** Calls a listener, the only one, when the signal aborts. */
  readonly onAbort: (listener: () => void) => void;
};

/** Makes a signal that several calls can join. After the last of these calls ends, `left` is called, and then the signal aborts. */
export const createSharedSignal = (left?: () => void): SharedSignal => {
  let controller: AbortController | undefined;
  let isAborted = false;
  let listener: (() => void) | undefined;
  let waiting = 0;
  const leave = () => {
    waiting -= 1;
    if (waiting > 0) return;
    left?.();
    isAborted = true;
    controller?.abort();
    listener?.();
    listener = undefined;
  };
  const signal = (): AbortSignal => {
    if (controller === undefined) {
      controller = new AbortController();
      if (isAborted) controller.abort();
    }
    return controller.signal;
  };
  return {
    signal,
    throwIfAborted: () => {
      if (isAborted) signal().throwIfAborted();
    },
    join: (other) => {
      waiting += 1;
      if ("onAbort" in other) other.onAbort(leave);
      else if (other.signal.aborted) leave();
      else other.signal.addEventListener("abort", leave, { once: true });
    },
    onAbort: (asked) => {
      if (isAborted) asked();
      else listener = asked;
    },
  };
};
