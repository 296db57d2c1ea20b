import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { clone, type DescMethod, type Message } from "@bufbuild/protobuf";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import pRetry from "p-retry";
import { ErrorReason } from "../gen/userd/v1/errors_pb.ts";
import { detailsOf } from "./errors.ts";
import { isRead } from "./methods.ts";

/** How often and how patiently a failed call is sent again. */
export type Retries = {
  /** The most attempts after the first one; 0 = none. */
  readonly most: number;
  /** The wait before the first of them, in milliseconds, when the service names none; it doubles each time, and is spread at random. */
  readonly firstWaitMs: number;
  /** The longest wait, in milliseconds; a service that asks for more is not called again. */
  readonly longestWaitMs: number;
};

/** The retries of calls, unless a client says otherwise. */
export const defaultRetries: Retries = { most: 3, firstWaitMs: 50, longestWaitMs: 5_000 };

/** The field of a write that makes a retry safe. */
type WithRequestId = Message & { requestId: string };

const takesRequestId = (method: DescMethod): boolean => "requestId" in method.input.field;

const hasRequestId = (message: unknown): boolean => ((message as Partial<WithRequestId>).requestId ?? "") !== "";

/** Tells whether an error leaves open if the call was carried out: the service says so, or a proxy or the connection broke. */
const isOutcomeUnknown = (reason: ErrorReason | undefined, code: Code): boolean =>
  reason === ErrorReason.COMMIT_UNKNOWN || (reason === undefined && code === Code.Unavailable);

/** Returns the least wait before the same call is sent again, in milliseconds; undefined = it is not sent again, as docs/clients.md has it. */
const waitAfter = (error: unknown, method: DescMethod, message: unknown, longestWaitMs: number): number | undefined => {
  if (!(error instanceof ConnectError)) return undefined;
  const { reason, retryAfterMs } = detailsOf(error);
  if (isOutcomeUnknown(reason, error.code) && !isRead(method) && !hasRequestId(message)) return undefined;
  if (retryAfterMs !== undefined) return retryAfterMs > longestWaitMs ? undefined : retryAfterMs;
  return isOutcomeUnknown(reason, error.code) || reason === ErrorReason.CONTENTION ? 0 : undefined;
};

/** Makes an interceptor that sends a call again where that is safe, no sooner than the service asked for, within the call's deadline. */
export const retry =
  ({ most, firstWaitMs, longestWaitMs }: Retries): Interceptor =>
  (next) =>
  (request) => {
    if (request.stream || most === 0) return next(request);
    const { method, message, signal } = request;
    return pRetry(() => next(request), {
      retries: most,
      minTimeout: firstWaitMs,
      maxTimeout: longestWaitMs,
      randomize: true,
      signal,
      shouldRetry: async ({ error, retriesLeft }) => {
        const wait = waitAfter(error, method, message, longestWaitMs);
        if (wait === undefined || retriesLeft === 0) return false;
        await delay(wait, undefined, { signal });
        return true;
      },
    });
  };

/** An interceptor that gives each write that takes one a `request_id`, so that it can be sent again and is stored once. */
export const nameWrites: Interceptor = (next) => (request) => {
  if (request.stream || isRead(request.method) || !takesRequestId(request.method) || hasRequestId(request.message)) return next(request);
  const message = clone(request.method.input, request.message) as WithRequestId;
  message.requestId = randomUUID();
  return next({ ...request, message });
};
