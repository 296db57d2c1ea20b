import { conflict, DomainError, unavailable } from "../errors.ts";
import type { KindSet } from "../schema/kind-set.ts";
import { codeOf, type DriverError, isUnreachable } from "./unreachable.ts";

/** The code of a statement that ran into its time limit, which write() sets to the rest of the call's deadline. */
const QUERY_CANCELED = "57014";

/** The codes of writes that lost against another one; the whole transaction may run again. */
const contention = new Set([
  "40001", // serialization_failure
  "40P01", // deadlock_detected
  "55P03", // lock_not_available
]);

/** Tells whether an error of the database says that a row with the same key is stored already. */
export const isUniqueViolation = (error: unknown): boolean => codeOf(error) === "23505";

/** Tells whether an error says that a write lost against a concurrent write; a retry may succeed. */
export const isContention = (error: unknown): boolean =>
  contention.has(codeOf(error) ?? "") ||
  // The ORM's: a row has another version than it was loaded with. Imports change rows without the locks of their aggregates.
  (error instanceof Error && error.name === "OptimisticLockError");

/**
 * Makes the function that translates a database error into an error for callers, without the database's message, which can contain stored
 * values. The function returns undefined for an unforeseen error.
 */
export const databaseError =
  ({ errors }: Pick<KindSet, "errors">) =>
  (error: unknown): DomainError | undefined => {
    if (error instanceof DomainError || !(error instanceof Error)) return undefined;
    const { constraint } = error as DriverError;
    if (constraint !== undefined && Object.hasOwn(errors, constraint)) return errors[constraint]?.();
    if (isContention(error))
      return conflict("CONTENTION", "The write lost against concurrent ones too often; try again.", { cause: error });
    if (codeOf(error) === QUERY_CANCELED)
      return new DomainError("DeadlineExceeded", "DEADLINE_PASSED", "The deadline passed.", { cause: error });
    if (isUnreachable(error)) {
      return unavailable("DATABASE_UNAVAILABLE", "The database can't be reached; try again.", { cause: error, retryAfterMs: 1_000 });
    }
    return undefined;
  };
