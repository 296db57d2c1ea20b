import { conflict, DomainError, exhausted, unavailable } from "../errors.ts";
import type { KindSet } from "../schema/kind-set.ts";
import { type DatabaseState, stateOf } from "./sqlstates.ts";
import { codeOf, type DriverError, isUnreachable } from "./unreachable.ts";

/** Tells whether an error of the database says that a row with the same key is stored already. */
export const isUniqueViolation = (error: unknown): boolean => codeOf(error) === "23505";

/** Tells whether an error says that a write lost against a concurrent write; a retry may succeed. */
export const isContention = (error: unknown): boolean =>
  stateOf(codeOf(error) ?? "") === "contention" ||
  // The ORM's: a row has another version than it was loaded with. Imports change rows without the locks of their aggregates.
  (error instanceof Error && error.name === "OptimisticLockError");

/** The time after which a call is tried again that failed by the state of the database, in milliseconds. */
const retryAfterMs = 1_000;

/** Makes the error for callers of each state of the database. */
const ofState: Readonly<Record<DatabaseState, (cause: unknown) => DomainError>> = {
  unreachable: (cause) => unavailable("DATABASE_UNAVAILABLE", "The database can't be reached; try again.", { cause, retryAfterMs }),
  exhausted: (cause) =>
    exhausted("DATABASE_EXHAUSTED", "The database has no disk, memory or other means left for the call; try again later.", {
      cause,
      retryAfterMs,
    }),
  "read-only": (cause) => unavailable("DATABASE_READ_ONLY", "The database takes no writes at present; try again.", { cause, retryAfterMs }),
  contention: (cause) => conflict("CONTENTION", "The write lost against concurrent ones too often; try again.", { cause }),
  deadline: (cause) => new DomainError("DeadlineExceeded", "DEADLINE_PASSED", "The deadline passed.", { cause }),
  damaged: (cause) => unavailable("DATABASE_UNAVAILABLE", "The database can't read what is stored there.", { cause, retryAfterMs }),
};

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
    if (isContention(error)) return ofState.contention(error);
    if (isUnreachable(error)) return ofState.unreachable(error);
    const state = stateOf(codeOf(error) ?? "");
    return state && ofState[state](error);
  };
