import type { DescMethod, Message, Registry } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import type { Call, MaybePromise } from "../../call.ts";
import type { DomainError } from "../../errors.ts";
import type { CallMetrics } from "../../telemetry/metrics.ts";
import type { Callers } from "../callers/callers.ts";
import type { Capacity } from "../capacity/capacity.ts";
import type { Refusals } from "../capacity/refusals.ts";
import type { Codec, Rpc } from "../rpc.ts";
import type { Invocation } from "./invocation.ts";
import type { StatusError } from "./status.ts";

/** A function that answers one call. Requests and answers are bytes on the gRPC port, and messages on the HTTP port. */
export type Handler = (invocation: Invocation, received: unknown) => MaybePromise<unknown>;

/** The objects that all interceptors share, on the gRPC port and on the HTTP port. */
export type InterceptorContext = {
  readonly log: Logger;
  readonly metrics: CallMetrics;
  readonly capacity: Capacity;
  /** Counts refusals, which are not logged one by one. */
  readonly refusals: Refusals;
  readonly callers: Callers;
  /** Translates an error from below the operations, such as a driver's, for the caller; undefined = the error is a fault. */
  readonly explain: (error: unknown) => DomainError | undefined;
  /** Refuses a call by the rules of its RPC for acting users. Without it, as in tests of the server alone, there are no such rules. */
  readonly permit?: (call: Call, method: DescMethod, request: Message) => MaybePromise<void>;
  /** Changes a status before it is sent. Only tests of the protocols set it, whose services have errors of their own. */
  readonly rephrase?: (status: StatusError) => StatusError;
  /** The messages that a `google.protobuf.Any` of the services can hold in JSON. Default: the details of errors. */
  readonly messageTypes?: Registry;
};

/**
 * An interceptor: a function that is called once for each RPC, at start-up. The returned function makes a handler that wraps the next handler.
 */
export type Interceptor = (rpc: Rpc & Codec, context: InterceptorContext) => (next: Handler) => Handler;

/** Runs the handler `next`, and passes the response to `done`, or the error to `failed`. Returns a promise only if `next` returns a promise. */
export const settle = (
  next: Handler,
  invocation: Invocation,
  received: unknown,
  done: (invocation: Invocation, response: unknown) => unknown,
  failed: (invocation: Invocation, error: unknown) => never,
): MaybePromise<unknown> => {
  let response: MaybePromise<unknown>;
  try {
    response = next(invocation, received);
  } catch (error) {
    return failed(invocation, error);
  }
  if (!(response instanceof Promise)) return done(invocation, response);
  return response.then(
    (later) => done(invocation, later),
    (error: unknown) => failed(invocation, error),
  );
};
