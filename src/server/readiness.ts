import type { MaybePromise } from "../call.ts";

/** The functions that tell whether the server is ready for calls, and that make it not ready when a drain begins. */
export type Readiness = {
  /** Tells whether the server was ready when it was looked at last, at most 2 s ago. It costs nothing, and so may be asked by anybody. */
  readonly isReady: () => boolean;
  /** Makes the server not ready from now on. */
  readonly drain: () => void;
  /** Calls `listener` when the readiness has changed, unless the returned function is called before. */
  readonly onChange: (listener: () => void) => () => void;
  /** Looks no more. */
  readonly stop: () => void;
};

/** The time between two looks, in milliseconds. */
const probeMs = 1_000;

/** The time in which a look has to have its answer, in milliseconds. */
const patienceMs = 1_000;

const withinPatience = async (ready: () => MaybePromise<boolean>): Promise<boolean> => {
  const late = Promise.withResolvers<false>();
  const timer = setTimeout(() => late.resolve(false), patienceMs).unref();
  try {
    return await Promise.race([ready(), late.promise]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
};

/**
 * Makes the readiness of a server, and looks for the first time. `ready` is the application's own check, for example one query to the database;
 * it is called once a second, however many ask.
 */
export const createReadiness = async (ready: () => MaybePromise<boolean>): Promise<Readiness> => {
  const listeners = new Set<() => void>();
  let isDraining = false;
  let isReady = await withinPatience(ready);

  const become = (now: boolean): void => {
    if (now === isReady) return;
    isReady = now;
    for (const listener of listeners) listener();
  };
  let isLooking = false;
  const look = async (): Promise<void> => {
    if (isLooking || isDraining) return;
    isLooking = true;
    const now = await withinPatience(ready);
    isLooking = false;
    if (!isDraining) become(now);
  };
  const timer = setInterval(() => void look(), probeMs).unref();
  return {
    isReady: () => isReady,
    drain: () => {
      isDraining = true;
      become(false);
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop: () => clearInterval(timer),
  };
};
