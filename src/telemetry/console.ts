import type { Logger } from "pino";

/**
 * Keeps libraries from printing to the console, since errors that Kysely prints can hold users' data. For each print, `log` gets a debug line
 * without the printed text.
 */
export const silenceConsole = (log: Logger): void => {
  const note = () => log.debug("a library wrote to the console");
  Object.assign(console, { debug: note, log: note, info: note, warn: note, error: note });
};
