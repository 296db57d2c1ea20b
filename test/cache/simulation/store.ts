import type { Store } from "../../../src/cache/ports.ts";
import type { Random } from "../../fuzz/random.ts";
import type { Delays } from "./delays.ts";
import type { Owner, Scheduler } from "./scheduler.ts";

/** The store that all processes share. */
export type SharedStore = {
  /** As one process reaches it. */
  readonly connect: (owner: Owner) => Store;
  /** It starts again, with nothing in it. */
  readonly wipe: () => void;
  /** How often it did not do as it was asked. */
  readonly faults: () => number;
};

/** What goes wrong when something does. */
const FAULTS = ["error", "throw", "hang", "lose", "late", "cross"] as const;

/** Makes a store; `onSet` is told what is put into it. */
export const createSharedStore = (
  { scheduler, random, delays, boundMs }: { scheduler: Scheduler; random: Random; delays: Delays; boundMs: number },
  faultRate: number,
  onSet: (key: string, value: unknown) => void,
): SharedStore => {
  const held = new Map<string, { readonly value: unknown; readonly until: number }>();
  let faults = 0;

  /** Runs at the store, and again at the process with the result; some go wrong. */
  const ask = <T>(owner: Owner, work: (fault: (typeof FAULTS)[number] | undefined) => T): Promise<T> => {
    const fault = random.chance(faultRate) ? random.pick(FAULTS) : undefined;
    if (fault !== undefined) faults += 1;
    if (fault === "throw") throw new Error("not connected");
    return new Promise((resolve, reject) => {
      const there = fault === "late" ? random.below(boundMs) : random.chance(0.9) ? random.below(3) : random.below(30);
      scheduler.after(there, () => {
        const result = work(fault);
        if (fault === "hang") return;
        scheduler.after(delays.short(), () => (fault === "error" ? reject(new Error("connection reset")) : resolve(result)), owner);
      });
    });
  };

  return {
    connect: (owner) => ({
      get: (key) =>
        ask(owner, (fault) => {
          // The answer to somebody else's question, as a client gives it that has lost count of its replies.
          const found = fault === "cross" ? [...held.values()][random.below(held.size)] : held.get(key);
          return found !== undefined && found.until >= scheduler.now() ? found.value : undefined;
        }),
      set: (key, value, ttlMs) => {
        onSet(key, value);
        return ask(owner, (fault) => {
          if (fault !== "lose") held.set(key, { value, until: scheduler.now() + ttlMs });
        });
      },
    }),
    wipe: () => held.clear(),
    faults: () => faults,
  };
};
