import { conflict, DomainError } from "../errors.ts";

const ATTEMPTS = 10;

/** What a write depends on has changed since it was looked up for the locks. */
export const overtaken = (what: string): DomainError => conflict("CONTENTION", `${what} at the same time; try again.`);

/**
 * Runs a write whose locks depend on what it finds, again while that changes before the locks are had: rather than to lock
 * out of order.
 */
export const whileOvertaken = async <T>(attempt: () => Promise<T>): Promise<T> => {
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt();
    } catch (error) {
      if (attempts === ATTEMPTS || !(error instanceof DomainError) || error.reason !== "CONTENTION") throw error;
    }
  }
};
