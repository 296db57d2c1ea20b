import { create, createRegistry, type DescMessage, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import type { DomainError, ErrorKind } from "./errors.ts";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.ts";
import type { StatusSchema } from "./gen/google/rpc/status_pb.ts";

/** The status code of each kind of error: its number in google.rpc.Code. */
export const codes = {
  Cancelled: 1,
  OutcomeUnknown: 2,
  Invalid: 3,
  DeadlineExceeded: 4,
  NotFound: 5,
  AlreadyExists: 6,
  Forbidden: 7,
  Exhausted: 8,
  FailedPrecondition: 9,
  Conflict: 10,
  OutOfRange: 11,
  Unimplemented: 12,
  Unavailable: 14,
  Unauthenticated: 16,
} as const satisfies Record<ErrorKind, number>;

/** The registry of the message types in `google.rpc.Status.details`, which is needed to write them as JSON. */
export const detailTypes = createRegistry(ErrorInfoSchema, BadRequestSchema, RetryInfoSchema);

/** One message of `google.rpc.Status.details`. */
export type Detail = { readonly desc: DescMessage; readonly value: MessageShape<DescMessage> };

const DEFAULT_RETRY_MS = 1_000;

const detail = <D extends DescMessage>(desc: D, value: MessageInitShape<D>): Detail => ({ desc, value: create(desc, value) });

/** Returns after how many milliseconds a retry makes sense: the error's own number, else 1,000 for the kind Unavailable, else undefined. */
export const retryAfterMsOf = ({ kind, retryAfterMs }: DomainError): number | undefined =>
  kind === "Unavailable" ? (retryAfterMs ?? DEFAULT_RETRY_MS) : retryAfterMs;

/** Makes the machine-readable details of an error: its reason and, if the error has them, the invalid fields and the time to wait. */
export const detailsOf = (error: DomainError): readonly Detail[] => {
  const { reason, metadata, violations } = error;
  const details = [detail(ErrorInfoSchema, { reason, domain: "userd.v1", metadata })];
  if (violations.length > 0) {
    details.push(detail(BadRequestSchema, { fieldViolations: violations.map((violation) => ({ ...violation })) }));
  }
  const wait = retryAfterMsOf(error);
  if (wait !== undefined) {
    const retryDelay = { seconds: BigInt(Math.trunc(wait / 1000)), nanos: Math.trunc((wait % 1000) * 1e6) };
    details.push(detail(RetryInfoSchema, { retryDelay }));
  }
  return details;
};

/** Makes the `google.rpc.Status` of a failed batch entry, with the same code, message and details as the error of a single call. */
export const toStatus = (error: DomainError): MessageInitShape<typeof StatusSchema> => ({
  code: codes[error.kind],
  message: error.message.toWellFormed(),
  details: detailsOf(error).map(({ desc, value }) => anyPack(desc, value)),
});

/** Makes the result for a refused entry of a batch: the error, as a `google.rpc.Status`. */
export const refusedEntry = (error: DomainError) => ({ result: { case: "error" as const, value: toStatus(error) } });
