import { setFlagsFromString } from "node:v8";

/**
 * Has V8 make every object among the young ones. By itself it learns from a busy moment that the objects of calls live long,
 * makes them among the old ones from then on, and keeps all that they lead to until the next full collection: that took a
 * third of the CPU time of a server at full load, for as long as its connections lasted (docs/adr/0019).
 */
export const keepCallsYoung = (): void => setFlagsFromString("--no-allocation-site-pretenuring");
