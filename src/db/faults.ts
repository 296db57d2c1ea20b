import { conflict, DomainError, unavailable } from "../errors.ts";
import { constraintErrors } from "../schema/constraints.ts";

/** An error of a driver, with the fields that drivers add; MikroORM copies these to its own errors. */
type DriverError = Error & { readonly code?: string; readonly constraint?: string };

/** A statement ran into its time limit, which write() sets to the rest of the call's deadline. */
const QUERY_CANCELED = "57014";

/** Lost against another transaction; the whole transaction may run again. */
const contention = new Set([
  "40001", // serialization_failure
  "40P01", // deadlock_detected
  "55P03", // lock_not_available
]);

/** The server went away, is starting, stopping or full, or was never there. */
const unreachable = new Set([
  "08000",
  "08001",
  "08003",
  "08004",
  "08006",
  "57P01", // admin_shutdown
  "57P02", // crash_shutdown
  "57P03", // cannot_connect_now
  "53300", // too_many_connections
  "25P03", // idle_in_transaction_session_timeout
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ENOENT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
  "EHOSTUNREACH",
]);

/** Without a code, pg says it in words: an ended connection, or none free in time. */
const unreachableMessage =
  /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|Client was closed|driver has already been destroyed)/;

const codeOf = (error: unknown): string | undefined => (error instanceof Error ? (error as DriverError).code : undefined);

/** Somebody else has stored a row of the same key. */
export const isUniqueViolation = (error: unknown): boolean => codeOf(error) === "23505";

/** The write lost against another one: running it again may succeed. */
export const isContention = (error: unknown): boolean =>
  contention.has(codeOf(error) ?? "") ||
  // The ORM's: a row has another version than it was loaded with. Imports change rows without the locks of their aggregates.
  (error instanceof Error && error.name === "OptimisticLockError");

/** The database could not be reached, or the connection to it was lost. */
export const isUnreachable = (error: unknown): boolean =>
  error instanceof Error && (unreachable.has(codeOf(error) ?? "") || unreachableMessage.test(error.message));

/**
 * The error that a caller gets for an error of the database; undefined for other errors, and for faults of ours. Its message
 * repeats nothing of the database's messages: these hold values.
 */
export const databaseError = (error: unknown): DomainError | undefined => {
  if (error instanceof DomainError || !(error instanceof Error)) return undefined;
  const { constraint } = error as DriverError;
  if (constraint !== undefined && Object.hasOwn(constraintErrors, constraint)) return constraintErrors[constraint]?.();
  if (isContention(error)) return conflict("CONTENTION", "The write lost against concurrent ones too often; try again.", { cause: error });
  if (codeOf(error) === QUERY_CANCELED)
    return new DomainError("DeadlineExceeded", "DEADLINE_PASSED", "The deadline passed.", { cause: error });
  if (isUnreachable(error)) {
    return unavailable("DATABASE_UNAVAILABLE", "The database can't be reached; try again.", { cause: error, retryAfterMs: 1_000 });
  }
  return undefined;
};
