import type { MaybePromise } from "../call.ts";

/** The functions that tell whether the server is ready for calls, and that make it not ready when a drain begins. */
export type Readiness = {
  /** Tells whether the server counts as ready. It costs nothing, and so may be asked by anybody. */
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

/**
 * The looks in a row that have to contradict the state before it changes. One late answer of the database is no reason for all instances to leave
 * the rotation at once; and one good one among bad ones none to come back.
 */
const LOOKS_TO_FAIL = 3;
const LOOKS_TO_RETURN = 2;

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
 * it is called once a second, however many ask. The state changes when three looks in a row have failed, and when two have succeeded again.
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
  /** The looks in a row that have contradicted the state. */
  let against = 0;
  const look = async (): Promise<void> => {
    if (isLooking || isDraining) return;
    isLooking = true;
    const now = await withinPatience(ready);
    isLooking = false;
    if (isDraining) return;
    against = now === isReady ? 0 : against + 1;
    if (against < (isReady ? LOOKS_TO_FAIL : LOOKS_TO_RETURN)) return;
    against = 0;
    become(now);
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
