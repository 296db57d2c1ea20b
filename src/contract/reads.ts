import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { Reads, reads } from "../gen/userd/v1/options_pb.ts";

/** Tells whether an RPC is a read, which changes nothing. */
export const isRead = ({ idempotency }: DescMethod): boolean => idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;

/** Returns whether an RPC's answers come from the cache, from the database or from memory, which its proto option `reads` declares. */
export const readsOf = (method: DescMethod): Reads => getOption(method, reads);

/** Returns the fault in an RPC's option `reads`; undefined = none. Reads have to have the option, and writes must not have it. */
export const readsFault = (method: DescMethod): string | undefined => {
  if (isRead(method) === (readsOf(method) !== Reads.UNSPECIFIED)) return undefined;
  return isRead(method) ? "changes nothing and has no (userd.v1.reads)" : "writes and has (userd.v1.reads)";
};
