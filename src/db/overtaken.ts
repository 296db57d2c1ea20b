import { DomainError } from "../errors.ts";

/** The error that something has changed since a write looked up what to lock: the write begins anew. */
export class Overtaken extends DomainError {
  /** @param what what has happened, a sentence without its end. */
  constructor(what: string) {
    super("Conflict", "CONTENTION", `${what} at the same time; try again.`);
  }
}
