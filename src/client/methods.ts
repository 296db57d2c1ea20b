import { type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { batch_write } from "../gen/userd/v1/options_pb.ts";

/** Tells whether a call of the method changes nothing, and so may be sent again whatever became of it. */
export const isRead = (method: DescMethod): boolean => method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;

/** The deadlines of calls that state none, in milliseconds, all their attempts together. */
export type Deadlines = { readonly readMs: number; readonly writeMs: number; readonly batchMs: number };

/** The deadlines of calls, unless a client says otherwise: three times what the service takes for one attempt. */
export const defaultDeadlines: Deadlines = { readMs: 3_000, writeMs: 9_000, batchMs: 30_000 };

/** Returns the deadline of a call that states none; undefined = a stream, which has none. */
export const deadlineOf = (method: DescMethod, { readMs, writeMs, batchMs }: Deadlines): number | undefined => {
  if (method.methodKind !== "unary") return undefined;
  if (isRead(method)) return readMs;
  return hasOption(method, batch_write) && getOption(method, batch_write) ? batchMs : writeMs;
};
