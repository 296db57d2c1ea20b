import type { Logger } from "pino";

/**
 * Takes the console from the libraries: Kysely prints there what a statement says after its call has ended, in the
 * database's own words. These can hold values, and are no lines of ours.
 */
export const silenceConsole = (log: Logger): void => {
  const note = () => log.debug("a library wrote to the console");
  Object.assign(console, { debug: note, log: note, info: note, warn: note, error: note });
};
