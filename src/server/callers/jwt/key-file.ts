import type { Logger } from "pino";
import { createFileWatch } from "../../watched-files.ts";
import { type Keys, parseKeys } from "./keys.ts";

/** A place that keys come from. */
export type KeySource = {
  /** Returns the keys; undefined = there are none yet, or those that there were are too old. */
  readonly current: () => Keys | undefined;
  /** Looks for newer keys, if that makes sense now. Resolves when it has; undefined = there is no use in waiting. */
  readonly renew: () => Promise<void> | undefined;
  readonly stop: () => void;
};

/** Reads keys from a file, and again when the file changes. Throws an Error when the file can't be used. */
export const openKeyFile = (path: string, log: Logger): KeySource => {
  const watch = createFileWatch([path]);
  const read = (): Keys => parseKeys(watch.files[0]?.read() ?? "");
  let keys = read();
  watch.start(() => {
    try {
      keys = read();
      log.info({ file: path }, "the keys of an issuer were read again");
    } catch (error) {
      log.error({ file: path, err: error }, "the keys of an issuer can't be used; those of before stay");
    }
  });
  return { current: () => keys, renew: () => undefined, stop: watch.stop };
};
