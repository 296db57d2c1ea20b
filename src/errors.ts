import type { ErrorReason } from "./gen/userd/v1/errors_pb.ts";

/** The wire string of an error's reason. */
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

/** A field of the request that breaks a rule; `field` is its proto path (`user.email`, `keys[3]`). */
export type FieldViolation = { readonly field: string; readonly description: string };

/** The details that an error may carry besides its sentence. */
export type ErrorDetails = {
  /** Machine-readable context, sent as `ErrorInfo.metadata`. Never an address, a hash, a token or SQL. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly violations?: readonly FieldViolation[];
  /** After how many milliseconds a retry makes sense, sent as `RetryInfo`. */
  readonly retryAfterMs?: number;
  /** The error underneath; logged, never sent. */
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

/** There is no such thing, or the caller may not see it. */
export const notFound = of("NotFound");
/** A uniqueness rule refuses the write. */
export const alreadyExists = of("AlreadyExists");
/** The request is well-formed, but the state does not allow it. */
export const failedPrecondition = of("FailedPrecondition");
/** The write lost against another one: a stale etag, or contention. */
export const conflict = of("Conflict");
/** The caller may read it, but not do this. */
export const forbidden = of("Forbidden");
/** A limit is reached. With `retryAfterMs` if the same call can succeed later; without it the caller is not told to retry. */
export const exhausted = of("Exhausted");
/** A blind retry is safe. */
export const unavailable = of("Unavailable");

/** The value of one field can't be used. `description` completes the sentence that begins with the field. */
export const invalidField = (field: string, description: string, reason: Reason = "FIELD_INVALID"): DomainError =>
  new DomainError("Invalid", reason, `${field} ${description}`, { violations: [{ field, description }] });
