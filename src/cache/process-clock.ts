import type { Clock } from "./ports.ts";

/** The real clock of this process, with Node's timers. Only the simulation uses another one. */
export const processClock: Clock = {
  now: () => performance.now(),
  // After the sockets of this turn have been read: what arrives together is read together.
  defer: (task) => void setImmediate(task),
  after: (milliseconds, task) => {
    const timer = setTimeout(task, milliseconds);
    return () => clearTimeout(timer);
  },
};
