import type { Logger } from "pino";

/**
 * Replaces the methods of the console, so that libraries print nothing: a debug line of `log` only says that one tried. Kysely
 * prints there the errors of statements that end after their call, in the database's words, which can hold values.
 */
export const silenceConsole = (log: Logger): void => {
  const note = () => log.debug("a library wrote to the console");
  Object.assign(console, { debug: note, log: note, info: note, warn: note, error: note });
};
