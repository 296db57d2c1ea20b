import { createHook } from "node:async_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Has V8 make every object among the young ones. By itself V8 learns from a busy moment that the objects of calls live long.
 * It makes them among the old ones from then on, and keeps all that they lead to until the next full collection. That took a
 * third of the CPU time of a server at full load, for as long as its connections lasted (docs/adr/0019).
 */
export const keepCallsYoung = (): void => setFlagsFromString("--no-allocation-site-pretenuring");

/** What `keepTicksFast` keeps. */
const kept: object[] = [];

/**
 * Keeps one object of those that `process.nextTick` makes, for ever. When a full collection finds none of them alive, V8 forgets
 * their shape, and the code that makes them meets another one afterwards: each takes six times as long from then on. A call makes
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
 * Bounds the garbage, from the end of the start on, and collects what the start has left. By itself V8 lets the heap grow to
 * 512 MB before its first full collection, and to up to four times of what is in use after each: a process with a cache of
 * 64 MB took 750. Since calls stay young, full collections are rare even so.
 */
export const boundGarbage = (): void => {
  // Of what the last full collection found in use.
  setFlagsFromString("--heap-growing-percent=30");
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
};
