import { DomainError } from "../errors.ts";

/** Something that a write depends on has changed since it was looked up for the locks: the write begins anew. */
export class Overtaken extends DomainError {
  /** @param what what has happened, a sentence without its end. */
  constructor(what: string) {
    super("Conflict", "CONTENTION", `${what} at the same time; try again.`);
  }
}
