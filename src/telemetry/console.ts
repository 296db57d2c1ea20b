import type { Logger } from "pino";

/** Keeps libraries from printing: the console only adds a debug line to `log`. Kysely prints errors there, whose texts can hold values. */
export const silenceConsole = (log: Logger): void => {
  const note = () => log.debug("a library wrote to the console");
  Object.assign(console, { debug: note, log: note, info: note, warn: note, error: note });
};
