import { exhausted, unavailable } from "../../errors.ts";
import { type Interceptor, settle } from "./interceptor.ts";

const retryAfterMs = 100;

/**
 * Refuses a new call at once while the number of calls in progress is at its limit, so that the calls in progress stay fast. Health checks and
 * reflection pass no interceptors.
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
