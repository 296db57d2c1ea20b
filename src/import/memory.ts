import { setFlagsFromString } from "node:v8";

/**
 * Makes V8 collect garbage early, so that the heap stays small. On a large machine V8 lets hundreds of megabytes of garbage pile up first.
 * Call it only in a process that does nothing but import, not in a service.
 */
export const keepHeapSmall = (): void => {
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString("--heap-growing-percent=100");
};
