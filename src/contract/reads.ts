import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { Reads, reads } from "../gen/userd/v1/options_pb.ts";

/** True if an RPC is a read: it changes nothing. */
export const isRead = ({ idempotency }: DescMethod): boolean => idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;

/** The place that an RPC declares its answers to come from. */
export const readsOf = (method: DescMethod): Reads => getOption(method, reads);

/** The fault in an RPC's declaration of `reads`; undefined = none. Exactly the reads have to have the declaration. */
export const readsFault = (method: DescMethod): string | undefined => {
  if (isRead(method) === (readsOf(method) !== Reads.UNSPECIFIED)) return undefined;
  return isRead(method) ? "changes nothing and has no (userd.v1.reads)" : "writes and has (userd.v1.reads)";
};
