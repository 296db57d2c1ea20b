import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb.ts";
import { ErrorReason } from "../gen/userd/v1/errors_pb.ts";

const DOMAIN = "userd.v1";

/** A field of the request that the service refused, and why. */
export type RefusedField = { readonly field: string; readonly description: string };

/** What an error of the transport says, read from its details. */
export type ErrorDetails = {
  /** The reason to decide by; undefined = the error is not the service's own, but of a proxy or of the connection. */
  readonly reason: ErrorReason | undefined;
  /** The reason as it came, for logs: it can be one that is newer than this client. Empty without a reason. */
  readonly reasonName: string;
  /** What the reason says besides, such as the current `etag` of an ETAG_MISMATCH. */
  readonly info: Readonly<Record<string, string>>;
  readonly fields: readonly RefusedField[];
  /** The wait after which the same call makes sense, in milliseconds; undefined = the service says nothing of it. */
  readonly retryAfterMs: number | undefined;
};

/** Returns the reason that a wire string names; UNSPECIFIED for one that is newer than this client. */
const reasonNamed = (name: string): ErrorReason =>
  (ErrorReason as unknown as Readonly<Record<string, ErrorReason>>)[name] ?? ErrorReason.ERROR_REASON_UNSPECIFIED;

/** Reads the details of an error of the transport. */
export const detailsOf = (error: ConnectError): ErrorDetails => {
  const [found] = error.findDetails(ErrorInfoSchema);
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  const reasonName = found?.domain === DOMAIN ? found.reason : "";
  return {
    reason: reasonName === "" ? undefined : reasonNamed(reasonName),
    reasonName,
    info: found?.metadata ?? {},
    fields: error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations),
    retryAfterMs: delay && Number(delay.seconds) * 1_000 + delay.nanos / 1e6,
  };
};

/** An error of a call. Those of the service have a reason to decide by; those of a proxy, or of the connection, have none. */
export class UserdError extends Error implements ErrorDetails {
  override readonly name = "UserdError";
  /** The error of the transport. */
  declare readonly cause: ConnectError;
  readonly code: Code;
  readonly reason: ErrorReason | undefined;
  readonly reasonName: string;
  readonly info: Readonly<Record<string, string>>;
  readonly fields: readonly RefusedField[];
  readonly retryAfterMs: number | undefined;

  /** Makes the error of one of the transport, which stays its cause. */
  constructor(cause: ConnectError) {
    const { reason, reasonName, info, fields, retryAfterMs } = detailsOf(cause);
    super(`${reasonName || Code[cause.code]}: ${cause.rawMessage}`, { cause });
    this.code = cause.code;
    this.reason = reason;
    this.reasonName = reasonName;
    this.info = info;
    this.fields = fields;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Returns the reason of an error; undefined when it is not the service's. */
export const reasonOf = (error: unknown): ErrorReason | undefined => (error instanceof UserdError ? error.reason : undefined);

/** Returns the error of the transport as a `UserdError`, and any other as it is. */
export const typed = (error: unknown): unknown => (error instanceof ConnectError ? new UserdError(error) : error);

/** Passes on the messages of a stream, and its error as a `UserdError`. */
export async function* typedStream<T>(messages: AsyncIterable<T>): AsyncIterable<T> {
  try {
    yield* messages;
  } catch (error) {
    throw typed(error);
  }
}
