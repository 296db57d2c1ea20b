import { setFlagsFromString } from "node:v8";

/**
 * Makes V8 collect garbage early, so that the heap stays small. On a large machine V8 lets hundreds of megabytes of garbage pile up first.
 * Only a process that does nothing but import may call this: a service wants the opposite.
 */
export const keepHeapSmall = (): void => {
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString("--heap-growing-percent=100");
};
