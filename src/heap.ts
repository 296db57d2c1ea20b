import { createHook } from "node:async_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Makes V8 create every object in its young generation. By itself V8 learns from a busy moment that the objects of calls live
 * long. It creates them in the old generation from then on, and keeps all that they refer to until the next full collection.
 * That took a third of the CPU time of a server at full load, for as long as its connections lasted (docs/adr/0019).
 */
export const keepCallsYoung = (): void => setFlagsFromString("--no-allocation-site-pretenuring");

/** What `keepTicksFast` keeps. */
const kept: object[] = [];

/**
 * Stores one of the objects that `process.nextTick` makes, for ever. When a full collection finds none of them alive, V8 forgets
 * their shape. The code that makes them then meets another shape, and each takes six times as long from then on. A call makes
 * ten; that was a tenth of the CPU time of a read from memory (docs/adr/0030).
 */
export const keepTicksFast = (): void => {
  const hook = createHook({
    init: (_id, type, _trigger, resource) => {
      if (type === "TickObject") kept.push(resource);
    },
  }).enable();
  process.nextTick(() => {});
  hook.disable();
};

/**
 * Makes V8 collect garbage more often from now on, and collects what the start has left. Call it at the end of the start. By
 * itself V8 lets the heap grow to 512 MB before its first full collection, and to up to four times of what is in use after each:
 * a process with a cache of 64 MB took 750. Since calls stay young, full collections are rare even so.
 */
export const boundGarbage = (): void => {
  // Of what the last full collection found in use.
  setFlagsFromString("--heap-growing-percent=30");
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
};
