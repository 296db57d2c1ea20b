import { exhausted, unavailable } from "../../errors.ts";
import { type Interceptor, settle } from "./interceptor.ts";

const retryAfterMs = 100;

/** Refuses a call at once when too many are in progress, so that those stay fast. Health checks and reflection pass no interceptors. */
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
