import type { MaybePromise } from "../call.ts";

/** The readiness of the server for calls: health, `/readyz` and the drain go by it. */
export type Readiness = {
  /** Never rejects, and answers within 1 s. */
  readonly isReady: () => Promise<boolean>;
  /** From now on the server is not ready. */
  readonly drain: () => void;
  /** Has `listener` called when the drain begins; returns what takes it back. */
  readonly onDrain: (listener: () => void) => () => void;
};

const patienceMs = 1_000;

/** `ready` is the application's own check, for example one query to the database. */
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
