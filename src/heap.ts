import { createHook } from "node:async_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Makes V8 create every object in its young generation. After a busy moment it would create those of calls in the old one, which took a
 * third of a server's CPU time at full load (docs/adr/0019).
 */
export const keepCallsYoung = (): void => setFlagsFromString("--no-allocation-site-pretenuring");

const kept: object[] = [];

/**
 * Stores one object that `process.nextTick` makes, for ever. When a full collection finds none alive, V8 forgets their shape, and to make
 * one takes six times as long from then on. That was a tenth of the CPU time of a read from memory (docs/adr/0030).
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
 * Makes V8 collect garbage now, and more often from now on. Call it at the end of the start. By itself V8 lets the heap grow to four times
 * of what is in use: a process with a cache of 64 MB took 750 MB. Full collections are rare even so, since calls stay young.
 */
export const boundGarbage = (): void => {
  // In percent of what the last full collection found in use.
  setFlagsFromString("--heap-growing-percent=30");
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
};
