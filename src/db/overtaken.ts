import { DomainError } from "../errors.ts";

/** The error that ends an attempt of a write when something has changed since it looked up what to lock. The write begins anew. */
export class Overtaken extends DomainError {
  /** @param what a sentence without its end: what has changed. */
  constructor(what: string) {
    super("Conflict", "CONTENTION", `${what} at the same time; try again.`);
  }
}
