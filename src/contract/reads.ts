import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { Reads, reads } from "../gen/userd/v1/options_pb.ts";

/** Whether an RPC changes nothing. */
export const isRead = ({ idempotency }: DescMethod): boolean => idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;

/** Where an RPC declares that its answers come from. */
export const readsOf = (method: DescMethod): Reads => getOption(method, reads);

/** What is wrong with that declaration: an RPC has it exactly when it changes nothing. */
export const readsFault = (method: DescMethod): string | undefined => {
  if (isRead(method) === (readsOf(method) !== Reads.UNSPECIFIED)) return undefined;
  return isRead(method) ? "changes nothing and has no (userd.v1.reads)" : "writes and has (userd.v1.reads)";
};
