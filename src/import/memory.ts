import { setFlagsFromString } from "node:v8";

/**
 * Sets V8 to collect garbage early, so that the heap stays near what is in use. On a large machine V8 lets garbage pile up to
 * hundreds of megabytes first; an import makes a lot of it and has no need to. Call it only in a process that only imports: a
 * service wants the opposite.
 */
export const keepHeapSmall = (): void => {
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString("--heap-growing-percent=100");
};
