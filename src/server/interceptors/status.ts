import { create } from "@bufbuild/protobuf";
import { status as Code } from "@grpc/grpc-js";
import { type DomainError, withoutStack } from "../../errors.ts";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { codes, type Detail, detailsOf, retryAfterMsOf } from "../../status.ts";

export { Code };

/** The status with which a call fails, on the gRPC port and on the HTTP port. Only the interceptors `errors` and `shed` throw a StatusError. */
export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly code: Code;
  readonly reason: string;
  readonly details: readonly Detail[];
  /** Trailers beside the status, with lower-case names. */
  readonly trailers: Readonly<Record<string, string>>;

  constructor(code: Code, reason: string, message: string, details: readonly Detail[], cause: unknown, trailers = {}) {
    super(message, { cause });
    this.code = code;
    this.reason = reason;
    this.details = details;
    this.trailers = trailers;
  }
}

/** Converts a `DomainError`, an error of the API, to the status with which the call fails. */
export const statusOf = (error: DomainError): StatusError => {
  // What gRPC clients with a retry policy obey. Only what may succeed unchanged is worth a retry.
  const wait = retryAfterMsOf(error);
  const trailers = wait === undefined ? {} : { "grpc-retry-pushback-ms": String(Math.ceil(wait)) };
  // A lone surrogate can't be percent-encoded into grpc-message.
  const message = error.message.toWellFormed();
  return withoutStack(() => new StatusError(codes[error.kind], error.reason, message, detailsOf(error), error.cause, trailers));
};

/** Adds trailers to a status that nobody has sent yet. */
export const withTrailers = (status: StatusError, trailers: Readonly<Record<string, string>>): StatusError => {
  const { code, reason, message, details, cause } = status;
  return withoutStack(() => new StatusError(code, reason, message, details, cause, { ...status.trailers, ...trailers }));
};

/** Makes the status INTERNAL for a fault of userd. The status tells the client only the request id, under which the log has the cause. */
export const faultStatus = (requestId: string, cause: unknown): StatusError =>
  new StatusError(
    Code.INTERNAL,
    "INTERNAL_FAULT",
    "The server failed to answer. Its log has the cause under the request id.",
    [
      {
        desc: ErrorInfoSchema,
        value: create(ErrorInfoSchema, { reason: "INTERNAL_FAULT", domain: "userd.v1", metadata: { request_id: requestId } }),
      },
    ],
    cause,
  );
