import { DomainError } from "../errors.ts";

/**
 * The error that ends an attempt of a write because something has changed since the attempt looked up what to lock. The write is then
 * retried.
 */
export class Overtaken extends DomainError {
  /** @param what a sentence without its end: what has changed. */
  constructor(what: string) {
    super("Conflict", "CONTENTION", `${what} at the same time; try again.`);
  }
}
