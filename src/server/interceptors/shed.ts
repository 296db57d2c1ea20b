import { exhausted, unavailable } from "../../errors.ts";
import { type Interceptor, settle } from "./interceptor.ts";

const retryAfterMs = 100;

/**
 * Refuses a call at once when the server has as many calls in progress as it takes, so that those keep their latency. Health and
 * reflection are never refused: they do not pass through the interceptors.
 */
export const shed: Interceptor = (_, { concurrency }) => {
  const done = (_: unknown, response: unknown): unknown => {
    concurrency.inProgress -= 1;
    return response;
  };
  const failed = (_: unknown, error: unknown): never => {
    concurrency.inProgress -= 1;
    throw error;
  };
  return (next) => (invocation, received) => {
    if (concurrency.closed) throw unavailable("SHUTTING_DOWN", "The server is shutting down; another one will answer.");
    if (concurrency.inProgress >= concurrency.limit) {
      throw exhausted("OVERLOADED", `The server has ${concurrency.limit} calls in progress and takes no more.`, { retryAfterMs });
    }
    concurrency.inProgress += 1;
    return settle(next, invocation, received, done, failed);
  };
};
