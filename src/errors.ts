import type { ErrorReason } from "./gen/userd/v1/errors_pb.ts";

/** The reason of an error: its machine-readable name, which is sent to the caller as this string. */
export type Reason = Exclude<keyof typeof ErrorReason, "ERROR_REASON_UNSPECIFIED">;

/** The kind of an error; the server maps each to one status code (server/interceptors/status.ts). */
export type ErrorKind =
  | "Invalid"
  | "NotFound"
  | "AlreadyExists"
  | "FailedPrecondition"
  | "Conflict"
  | "Forbidden"
  | "Unauthenticated"
  | "Exhausted"
  | "Unavailable"
  | "OutcomeUnknown"
  | "Unimplemented"
  | "DeadlineExceeded"
  | "Cancelled";

/**
 * A field of the request that breaks a rule; `field` is its proto path (`user.email`, `keys[3]`), and `description`
 * completes the sentence that begins with it.
 */
export type FieldViolation = { readonly field: string; readonly description: string };

/** The details that an error may carry besides its sentence. */
export type ErrorDetails = {
  /** Machine-readable context, sent as `ErrorInfo.metadata`. It never has an address, a hash, a token or SQL. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly violations?: readonly FieldViolation[];
  /** The time after which a retry makes sense, in milliseconds, sent as `RetryInfo`. */
  readonly retryAfterMs?: number;
  /** The error underneath, which is logged and never sent. */
  readonly cause?: unknown;
};

/** An error that is part of the API: its sentence, reason and details reach the caller as they are. */
export class DomainError extends Error {
  override readonly name = "DomainError";
  readonly kind: ErrorKind;
  readonly reason: Reason;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly FieldViolation[];
  readonly retryAfterMs: number | undefined;

  constructor(kind: ErrorKind, reason: Reason, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.kind = kind;
    this.reason = reason;
    this.metadata = details.metadata ?? {};
    this.violations = details.violations ?? [];
    this.retryAfterMs = details.retryAfterMs;
  }
}

const of =
  (kind: ErrorKind) =>
  (reason: Reason, message: string, details?: ErrorDetails): DomainError =>
    new DomainError(kind, reason, message, details);

/** Makes an error: there is no such thing, or the caller may not see it. */
export const notFound = of("NotFound");
/** Makes an error: a uniqueness rule refuses the write. */
export const alreadyExists = of("AlreadyExists");
/** Makes an error: the request is well-formed, but the state does not allow it. */
export const failedPrecondition = of("FailedPrecondition");
/** Makes an error: the write lost against another one, by a stale etag or by contention. */
export const conflict = of("Conflict");
/** Makes an error: the caller, or its acting user, lacks a permission. */
export const forbidden = of("Forbidden");
/** Makes an error: a limit is reached. With `retryAfterMs` the same call can succeed later; without it the caller is not told to retry. */
export const exhausted = of("Exhausted");
/** Makes an error: there is no answer now, and a blind retry is safe. */
export const unavailable = of("Unavailable");

/** Makes an error: the value of one field can't be used. `description` completes the sentence that begins with the field. */
export const invalidField = (field: string, description: string, reason: Reason = "FIELD_INVALID"): DomainError =>
  new DomainError("Invalid", reason, `${field} ${description}`, { violations: [{ field, description }] });

/** Runs a check, and returns its result or the DomainError that it throws. It is for batches whose entries succeed or fail one by one. */
export const orRefusal = <T>(check: () => T): T | DomainError => {
  try {
    return check();
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
};

/** Tells whether an outcome of `orRefusal` is a result, and no error. */
export const isAccepted = <T>(outcome: T | DomainError): outcome is T => !(outcome instanceof DomainError);

/**
 * Checks that no two entries of a repeated field have a name in common.
 * @param names the names of each entry, in the order of the entries.
 * @throws INVALID_ARGUMENT DUPLICATE_ENTRY.
 */
export const assertDistinct = (names: readonly (readonly string[])[], field: string, description: string): void => {
  const seen = new Set<string>();
  for (const [index, ofEntry] of names.entries()) {
    if (ofEntry.some((name) => seen.has(name))) throw invalidField(`${field}[${index}]`, description, "DUPLICATE_ENTRY");
    for (const name of ofEntry) seen.add(name);
  }
};
