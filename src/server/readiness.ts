import type { MaybePromise } from "../call.ts";

/** The functions that tell whether the server is ready for calls, and that make it not ready when a drain begins. */
export type Readiness = {
  /** Tells whether the server is ready. It never rejects, and answers within 1 s. */
  readonly isReady: () => Promise<boolean>;
  /** Makes the server not ready from now on. */
  readonly drain: () => void;
  /** Calls `listener` when the drain begins, unless the returned function is called before. */
  readonly onDrain: (listener: () => void) => () => void;
};

const patienceMs = 1_000;

/** Makes the readiness of a server; `ready` is the application's own check, for example one query to the database. */
export const createReadiness = (ready: () => MaybePromise<boolean>): Readiness => {
  let draining = false;
  const listeners = new Set<() => void>();
  return {
    isReady: async () => {
      if (draining) return false;
      const late = Promise.withResolvers<false>();
      const timer = setTimeout(() => late.resolve(false), patienceMs);
      try {
        return await Promise.race([ready(), late.promise]);
      } catch {
        return false;
      } finally {
        clearTimeout(timer);
      }
    },
    drain: () => {
      draining = true;
      for (const listener of listeners) listener();
    },
    onDrain: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
};
