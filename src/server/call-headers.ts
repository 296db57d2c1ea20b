import type { Metadata } from "@grpc/grpc-js";
import type { Transport } from "./interceptors/invocation.ts";
import type { Connection } from "./peers.ts";

/** A call on the gRPC port, as far as the interceptors ask for it. */
export type CallWithHeaders = {
  /** The headers of the request; undefined until they are there. */
  readonly metadata: Metadata | undefined;
  readonly connection: Connection | undefined;
  readonly deadline: () => number;
  onEnd: (() => void) | undefined;
};

/** Joins the values of a header that was sent several times, as HTTP does: what one of them says must not depend on which is read. */
const joined = (values: readonly unknown[] = []): string | undefined => (values.length > 1 ? values.join(", ") : values[0]?.toString());

/** The transport of calls on the gRPC port, by which the interceptors read what they show. */
export const transport: Transport<CallWithHeaders> = {
  header: ({ metadata }, name) => joined(metadata?.get(name)),
  headers: ({ metadata }, name) => metadata?.get(name).join(",") ?? "",
  connection: (call) => call.connection,
  deadline: (call) => call.deadline(),
  onCancel: (call, listener) => {
    call.onEnd = listener;
  },
};
