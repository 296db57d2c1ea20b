import { executionAsyncResource } from "node:async_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Makes V8 create every object in its young generation. Otherwise, after a busy moment, V8 creates the objects of calls in the old
 * generation: this took a third of a server's CPU time at full load (docs/adr/0019).
 */
export const keepCallsYoung = (): void => setFlagsFromString("--no-allocation-site-pretenuring");

const kept: object[] = [];

/**
 * Keeps for ever one of the objects that `process.nextTick` makes inside Node. When a full garbage collection finds none of these objects
 * alive, V8 forgets their hidden class, and makes later ones six times as slowly: this took a tenth of the CPU time of a read from the cache
 * (docs/adr/0030).
 */
export const keepTicksFast = (): void => {
  process.nextTick(() => kept.push(executionAsyncResource()));
};

/**
 * Makes V8 keep its optimized code through a rest. Some 8 s after the last call V8 collects garbage to take as little memory as it can, and
 * forgets the hidden classes of which no object is alive; in a rest that is all of those of calls, and with them goes the code that was optimized for
 * them. It still collects then, as it does under load (docs/adr/0066).
 */
export const keepOptimizedCode = (): void => setFlagsFromString("--no-memory-reducer-favors-memory");

/**
 * Makes V8 collect garbage now, and more often from now on. Call it when the service has started. By default V8 lets the heap grow to four
 * times the memory in use: a process with a cache of 64 MB took 750 MB.
 */
export const boundGarbage = (): void => {
  // In percent of what the last full collection found in use.
  setFlagsFromString("--heap-growing-percent=30");
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
};
