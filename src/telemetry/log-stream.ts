import type { Writable } from "node:stream";
import type { DestinationStream } from "pino";

/** The most bytes of lines that wait for their reader: some 20,000 lines. */
const MAX_WAITING = 4 * 1024 * 1024;

/** The destination of a service's log. Whoever reads it may stall: the service goes on, and lines that find no room are lost. */
export type LogStream = DestinationStream & {
  /** Returns how many lines were lost so far. */
  readonly lost: () => number;
  /** Writes what waits, as far as the reader takes it at once: for the last lines before an end. pino calls it for fatal lines. */
  readonly flushSync: () => void;
  /** Waits until the reader has taken all lines, for at most `patienceMs`; returns whether it has. */
  readonly drained: (patienceMs: number) => Promise<boolean>;
};

/**
 * Makes the destination of a log from standard error, which Node writes to without waiting where it is a pipe or a socket. A file takes each
 * line at once.
 * @param reader standard error.
 * @param regained is called when a line is written for the first time after a loss, with the number of lines that were lost since the last time.
 */
export const createLogStream = (
  regained: (lost: number) => void,
  reader: Writable = process.stderr,
  maxWaiting: number = MAX_WAITING,
): LogStream => {
  let lost = 0;
  let told = 0;
  let isCorked = false;
  const flushSync = () => {
    if (!isCorked) return;
    isCorked = false;
    reader.uncork();
  };
  const isDrained = () => {
    flushSync();
    return reader.writableLength === 0;
  };
  return {
    lost: () => lost,
    flushSync,
    write: (line) => {
      if (reader.writableLength + line.length > maxWaiting) {
        lost += 1;
        return;
      }
      // The lines of one turn of the event loop go together.
      if (!isCorked) {
        isCorked = true;
        reader.cork();
        setImmediate(flushSync);
      }
      reader.write(line);
      // Not before there is room for more than this one: a reader that is merely slow would get little else.
      if (lost === told || reader.writableLength > maxWaiting / 2) return;
      const since = lost - told;
      told = lost;
      regained(since);
    },
    drained: async (patienceMs) => {
      const end = performance.now() + patienceMs;
      while (!isDrained() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
      return isDrained();
    },
  };
};
