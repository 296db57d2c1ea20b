import { type DescMethod, getOption } from "@bufbuild/protobuf";
import type { Reason } from "../errors.ts";
import { Calls, calls, request_field } from "../gen/userd/v1/error_options_pb.ts";
import { type ErrorReason, ErrorReasonSchema } from "../gen/userd/v1/errors_pb.ts";
import { errors } from "../gen/userd/v1/options_pb.ts";
import { oncePer } from "../once-per.ts";
import { isRead } from "./reads.ts";

/** The reasons that an RPC can answer with. */
export type DeclaredReasons = {
  /** The reasons that the RPC's option `errors` lists, in that order. */
  readonly own: readonly Reason[];
  /** The reasons that a call can end with: its own, and those that errors.proto declares for calls of its kind. */
  readonly call: ReadonlySet<Reason>;
  /** The reasons that an entry of a batch can be answered with, in the order of the option. */
  readonly entry: readonly Reason[];
};

const nameOf = (value: ErrorReason): Reason => ErrorReasonSchema.value[value]?.name as Reason;

/** The reasons, with what errors.proto declares of each. Read once: each look at an option decodes it anew. */
const declarations = ErrorReasonSchema.values.map((value) => ({
  name: value.name as Reason,
  ends: getOption(value, calls),
  field: getOption(value, request_field),
}));

/**
 * Returns the reasons that errors.proto declares for an RPC: those of all calls, those of all writes if the RPC is a write, and those of the
 * fields of its request.
 */
export const commonReasons = (method: DescMethod): readonly Reason[] => {
  const fields = new Set(method.input.fields.map(({ name }) => name));
  return declarations
    .filter(({ ends, field }) => ends === Calls.ALL || (ends === Calls.WRITES && !isRead(method)) || fields.has(field))
    .map(({ name }) => name);
};

/** Returns the reasons that an RPC can answer with. They are read from the descriptor once. */
export const declaredReasons = oncePer((method: DescMethod): DeclaredReasons => {
  const { reasons = [], entryReasons = [] } = getOption(method, errors);
  const own = reasons.map(nameOf);
  return { own, call: new Set([...commonReasons(method), ...own]), entry: entryReasons.map(nameOf) };
});
