import type { Logger } from "pino";

/**
 * Takes the console from libraries. Kysely prints there the errors of statements that end after their call, in the
 * database's words, which can hold values.
 */
export const silenceConsole = (log: Logger): void => {
  const note = () => log.debug("a library wrote to the console");
  Object.assign(console, { debug: note, log: note, info: note, warn: note, error: note });
};
