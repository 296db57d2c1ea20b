import type { ErrorReason } from "./gen/userd/v1/errors_pb.ts";

/** The reason of an error: its machine-readable name, which is sent to the caller as this string. */
export type Reason = Exclude<keyof typeof ErrorReason, "ERROR_REASON_UNSPECIFIED">;

/** The kind of an error. Each kind has one gRPC status code (status.ts). */
export type ErrorKind =
  | "Invalid"
  | "NotFound"
  | "AlreadyExists"
  | "FailedPrecondition"
  | "Conflict"
  | "OutOfRange"
  | "Forbidden"
  | "Unauthenticated"
  | "Exhausted"
  | "Unavailable"
  | "OutcomeUnknown"
  | "Unimplemented"
  | "DeadlineExceeded"
  | "Cancelled";

/**
 * A fault of the request: the proto path of a field (`user.email`, `keys[3]`), and a description that completes a sentence starting with
 * the path.
 */
export type FieldViolation = { readonly field: string; readonly description: string };

/** The details of a `DomainError` besides its message: metadata, faulty fields, the time until a retry, and the cause. */
export type ErrorDetails = {
  /** Machine-readable context, sent as `ErrorInfo.metadata`. It never has an address, a hash, a token or SQL. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly violations?: readonly FieldViolation[];
  /** The time after which a retry makes sense, in milliseconds, sent as `RetryInfo`. */
  readonly retryAfterMs?: number;
  /** The error underneath, which is logged and never sent. */
  readonly cause?: unknown;
};

/** An error that is part of the API: its message, reason and details reach the caller as they are. */
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

/** Makes an error without its stack, which takes longer than all else of an error: for errors that say what happened, not where. */
export const withoutStack = <E extends Error>(make: () => E): E => {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
};

const of =
  (kind: ErrorKind) =>
  (reason: Reason, message: string, details?: ErrorDetails): DomainError =>
    new DomainError(kind, reason, message, details);

/** Makes the error for something that does not exist, or that the caller may not see. */
export const notFound = of("NotFound");
/** Makes the error for a write that a uniqueness rule refuses. */
export const alreadyExists = of("AlreadyExists");
/** Makes the error for a well-formed request that the stored state does not allow. */
export const failedPrecondition = of("FailedPrecondition");
/** Makes the error for a write that lost against another write, by a stale etag or by contention. */
export const conflict = of("Conflict");
/** Makes the error for a place in a sequence that is not there, or not any more. */
export const outOfRange = of("OutOfRange");
/** Makes the error for a caller or an acting user who lacks a permission. */
export const forbidden = of("Forbidden");
/** Makes the error for a limit that is reached. With `retryAfterMs` the same call can succeed later; without it no retry is advised. */
export const exhausted = of("Exhausted");
/** Makes the error for a call that can't be answered now. Repeating the call is safe. */
export const unavailable = of("Unavailable");

/** Makes the error for a field whose value can't be used. `description` completes the sentence that begins with the field's name. */
export const invalidField = (field: string, description: string, reason: Reason = "FIELD_INVALID"): DomainError =>
  new DomainError("Invalid", reason, `${field} ${description}`, { violations: [{ field, description }] });

/** Runs the check of one entry of a batch, and returns the result, or the DomainError that `check` throws. Throws other errors. */
export const orRefusal = <T>(check: () => T): T | DomainError => {
  try {
    return check();
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
};

/** Tells whether what `orRefusal` returned is a result, and not an error. */
export const isAccepted = <T>(outcome: T | DomainError): outcome is T => !(outcome instanceof DomainError);

/**
 * Checks that no two entries of a repeated field share a name; `names[i]` are the names of entry i. Throws INVALID_ARGUMENT DUPLICATE_ENTRY,
 * whose message is the path of the second entry, followed by `description`.
 */
export const assertDistinct = (names: readonly (readonly string[])[], field: string, description: string): void => {
  const seen = new Set<string>();
  for (const [index, ofEntry] of names.entries()) {
    if (ofEntry.some((name) => seen.has(name))) throw invalidField(`${field}[${index}]`, description, "DUPLICATE_ENTRY");
    for (const name of ofEntry) seen.add(name);
  }
};
