import type { Metadata } from "@grpc/grpc-js";
import type { Transport } from "./interceptors/invocation.ts";
import type { OpenCall } from "./open-call.ts";

const openCall = Symbol("open call");
type Marked = Metadata & { [openCall]?: OpenCall };

/** Notes which call request headers belong to. */
export const markHeaders = (metadata: Metadata, call: OpenCall): void => {
  (metadata as Marked)[openCall] = call;
};

/** Returns the open call that the request headers of a call belong to. */
export const openCallOf = (metadata: Metadata): OpenCall => {
  const open = (metadata as Marked)[openCall];
  if (open === undefined) throw new Error("The guard of calls sees every call first.");
  return open;
};

/** Joins the values of a header that was sent several times, as HTTP does: what one of them says must not depend on which is read. */
const joined = (values: readonly unknown[] = []): string | undefined => (values.length > 1 ? values.join(", ") : values[0]?.toString());

/** The transport of open calls, by which the interceptors read what they show. */
export const transport: Transport<OpenCall> = {
  header: ({ metadata }, name) => joined(metadata?.get(name)),
  headers: ({ metadata }, name) => metadata?.get(name).join(",") ?? "",
  connection: (call) => call.connection,
  deadline: (call) => call.deadline(),
  onCancel: (call, listener) => {
    call.onEnd = listener;
  },
};
