import { exhausted, unavailable } from "../../errors.ts";
import { type Link, settle } from "./link.ts";

const retryAfterMs = 100;

/**
 * Refuses a call at once when as many are in progress as the server takes: the ones that are in keep their latency.
 * Health and reflection do not pass here, so they are never refused.
 */
export const shed: Link = (_, { gate }) => {
  const done = (_: unknown, response: unknown): unknown => {
    gate.inProgress -= 1;
    return response;
  };
  const failed = (_: unknown, error: unknown): never => {
    gate.inProgress -= 1;
    throw error;
  };
  return (next) => (invocation, received) => {
    if (gate.closed) throw unavailable("SHUTTING_DOWN", "The server is shutting down; another one will answer.");
    if (gate.inProgress >= gate.limit) {
      throw exhausted("OVERLOADED", `The server has ${gate.limit} calls in progress and takes no more.`, { retryAfterMs });
    }
    gate.inProgress += 1;
    return settle(next, invocation, received, done, failed);
  };
};
