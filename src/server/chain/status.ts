import { create, type DescMessage, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { status as Code } from "@grpc/grpc-js";
import type { DomainError, ErrorKind } from "../../errors.ts";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";

export { Code };

/** The status code of each kind of error; the numbers are the same in gRPC and Connect. */
export const codes: Readonly<Record<ErrorKind, Code>> = {
  Invalid: Code.INVALID_ARGUMENT,
  NotFound: Code.NOT_FOUND,
  AlreadyExists: Code.ALREADY_EXISTS,
  FailedPrecondition: Code.FAILED_PRECONDITION,
  Conflict: Code.ABORTED,
  Forbidden: Code.PERMISSION_DENIED,
  Unauthenticated: Code.UNAUTHENTICATED,
  Exhausted: Code.RESOURCE_EXHAUSTED,
  Unavailable: Code.UNAVAILABLE,
  OutcomeUnknown: Code.UNKNOWN,
  Unimplemented: Code.UNIMPLEMENTED,
  DeadlineExceeded: Code.DEADLINE_EXCEEDED,
  Cancelled: Code.CANCELLED,
};

/** One message of `google.rpc.Status.details`. */
export type Detail = { readonly desc: DescMessage; readonly value: MessageShape<DescMessage> };

/** The end of a failed call, as both listeners send it. Only the errors link makes one. */
export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly code: Code;
  readonly reason: string;
  readonly details: readonly Detail[];
  /** Trailers beside the status; lower-case names. */
  readonly trailers: Readonly<Record<string, string>>;

  constructor(code: Code, reason: string, message: string, details: readonly Detail[], cause: unknown, trailers = {}) {
    super(message, { cause });
    this.code = code;
    this.reason = reason;
    this.details = details;
    this.trailers = trailers;
  }
}

const defaultRetryMs = 1_000;

const detail = <D extends DescMessage>(desc: D, value: MessageInitShape<D>): Detail => ({
  desc,
  value: create(desc, value),
});

const errorInfo = (reason: string, metadata: Readonly<Record<string, string>>): Detail =>
  detail(ErrorInfoSchema, { reason, domain: "users.v1", metadata });

const retryInfo = (milliseconds: number): Detail =>
  detail(RetryInfoSchema, {
    retryDelay: { seconds: BigInt(Math.trunc(milliseconds / 1000)), nanos: Math.trunc((milliseconds % 1000) * 1e6) },
  });

/** The status of an error that is part of the API. */
export const statusOf = (error: DomainError): StatusError => {
  const details = [errorInfo(error.reason, error.metadata)];
  const trailers: Record<string, string> = {};
  if (error.violations.length > 0) {
    details.push(detail(BadRequestSchema, { fieldViolations: error.violations.map((violation) => ({ ...violation })) }));
  }
  const retryAfterMs =
    error.kind === "Exhausted" || error.kind === "Unavailable" ? (error.retryAfterMs ?? defaultRetryMs) : error.retryAfterMs;
  if (retryAfterMs !== undefined) {
    details.push(retryInfo(retryAfterMs));
    // What gRPC clients with a retry policy obey; only a refusal at the door is worth an unchanged retry.
    if (error.reason === "OVERLOADED") trailers["grpc-retry-pushback-ms"] = String(retryAfterMs);
  }
  // A lone surrogate can't be percent-encoded into grpc-message.
  return new StatusError(codes[error.kind], error.reason, error.message.toWellFormed(), details, error.cause, trailers);
};

/** The status of a fault of ours: it names nothing but the request id, under which the cause is logged. */
export const faultStatus = (requestId: string, cause: unknown): StatusError =>
  new StatusError(
    Code.INTERNAL,
    "INTERNAL_FAULT",
    "The server failed to answer. Its log has the cause under the request id.",
    [errorInfo("INTERNAL_FAULT", { request_id: requestId })],
    cause,
  );
