import type { OutgoingHttpHeaders } from "node:http2";
import type { Rate } from "../../call.ts";
import { type DomainError, exhausted, unavailable, withoutStack } from "../../errors.ts";
import { headersAlone, toGrpcStatus } from "../grpc-status.ts";
import { type StatusError, statusOf, withTrailers } from "../interceptors/status.ts";
import { rateFields } from "./rate-fields.ts";

/** A refusal of a call before any work, prepared once for all calls that are refused alike. */
export type Refusal = {
  readonly error: DomainError;
  readonly status: StatusError;
  /** The answer on the gRPC port: headers alone, which are the trailers too. */
  readonly headers: OutgoingHttpHeaders;
};

/** Prepares the refusal with an error. */
export const prepareRefusal = (error: DomainError, trailers: Readonly<Record<string, string>> = {}): Refusal => {
  const status = withTrailers(statusOf(error), trailers);
  return { error, status, headers: headersAlone(toGrpcStatus(status)) };
};

/** The time after which a call that found no room may come again at the earliest, in milliseconds. */
const retryAfterMs = 100;

/** Prepares the refusal of a call while the server drains. */
export const closedRefusal = (): Refusal =>
  prepareRefusal(withoutStack(() => unavailable("SHUTTING_DOWN", "The server is shutting down; another one will answer.")));

/** The step between the times that refusals name, in milliseconds, so that many refusals are alike. */
const STEP_MS = 10;

/** The refusals by a full server that tell their callers to come again at different times. */
const SPREAD = 16;

/**
 * Makes the function that refuses a call of a full server. One refusal after the other names another time, from `retryAfterMs` to two and a half
 * times as much: a thousand calls that are refused together must not come again together.
 */
export const createFullRefusals = (): (() => Refusal) => {
  const prepared = Array.from({ length: SPREAD }, (_, step) =>
    prepareRefusal(
      withoutStack(() =>
        exhausted("OVERLOADED", "The server has as many calls in progress as it can answer soon, and takes no more now.", {
          retryAfterMs: retryAfterMs + step * STEP_MS,
        }),
      ),
    ),
  );
  let made = 0;
  return () => prepared[made++ % SPREAD] as Refusal;
};

/** Prepares the refusal of a call that would be answered after its deadline. */
export const lateRefusal = (): Refusal =>
  prepareRefusal(
    withoutStack(() => exhausted("OVERLOADED", "The server is too busy to answer before the deadline of the call.", { retryAfterMs })),
  );

/** Prepares the refusal of a call of a caller that has as many in progress as it may. */
export const concurrencyRefusal = (): Refusal =>
  prepareRefusal(
    withoutStack(() =>
      exhausted("CALLER_LIMITED", "The caller has as many calls in progress as it may have.", {
        retryAfterMs,
        metadata: { limit: "concurrency" },
      }),
    ),
  );

/** The most prepared refusals by rates; other times are prepared anew. */
const MAX_PREPARED = 1_000;

/** Makes the function that prepares refusals of calls beyond a rate; `waitMs` is the time until there is room. */
export const createRateRefusals = (): ((group: string, rate: Rate, waitMs: number) => Refusal) => {
  const prepared = new Map<string, Refusal>();
  return (group, rate, waitMs) => {
    const rounded = Math.ceil(waitMs / STEP_MS) * STEP_MS;
    const key = `${group} ${rate.burst} ${rate.perSecond} ${rounded}`;
    const known = prepared.get(key);
    if (known !== undefined) return known;
    const what = group === "all" ? "calls" : `calls that need ${group}`;
    const error = withoutStack(() =>
      exhausted("CALLER_LIMITED", `The caller has used up its rate of ${what}.`, { retryAfterMs: rounded, metadata: { limit: group } }),
    );
    const refusal = prepareRefusal(error, rateFields([{ group, rate, left: 0, waitMs: rounded }]));
    if (prepared.size < MAX_PREPARED) prepared.set(key, refusal);
    return refusal;
  };
};
