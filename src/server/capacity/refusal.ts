import type { OutgoingHttpHeaders } from "node:http2";
import type { Rate } from "../../call.ts";
import { type DomainError, exhausted, unavailable, withoutStack } from "../../errors.ts";
import { headersAlone, toGrpcStatus } from "../grpc-status.ts";
import { type StatusError, statusOf, withTrailers } from "../interceptors/status.ts";
import type { Account } from "./account.ts";
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

/** The time between two calls of one caller that come again, in milliseconds: a thousand refusals a second cost a fortieth of a core. */
const GAP_MS = 1;

/** The longest time that a full server names, in milliseconds. */
const LATEST_MS = 1_000;

const fullRefusal = (milliseconds: number): Refusal =>
  prepareRefusal(
    withoutStack(() =>
      exhausted("OVERLOADED", "The server has as many calls in progress as it can answer soon, and takes no more now.", {
        retryAfterMs: milliseconds,
      }),
    ),
  );

/**
 * Makes the function that refuses a call of a full server. It gives the calls of one caller times that follow each other: a thousand that are refused
 * together must not come again together, since all of their refusals are one turn of the event loop, for which others wait. A caller whose calls
 * come again before their time is given the same times once more.
 */
export const createFullRefusals = (clock = () => performance.now()): ((account: Pick<Account, "returnsAt">) => Refusal) => {
  const prepared: Refusal[] = [];
  return (account) => {
    const now = clock();
    const earliest = now + retryAfterMs;
    const next = Math.max(earliest, account.returnsAt + GAP_MS);
    account.returnsAt = next > now + LATEST_MS ? earliest : next;
    const step = Math.floor((account.returnsAt - earliest) / STEP_MS);
    const refusal = prepared[step] ?? fullRefusal(retryAfterMs + step * STEP_MS);
    prepared[step] = refusal;
    return refusal;
  };
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
