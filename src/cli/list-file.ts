import { open } from "node:fs/promises";
import type { ReportLine } from "../import/report.ts";
import { CommandError, ExitCode } from "./exit.ts";

/** A file of all that was skipped or noted, a line of JSON each. */
export type ListFile = AsyncDisposable & {
  readonly add: (line: ReportLine) => Promise<void> | undefined;
  /** Writes what is left, so that a full disk is known before anything is stored. */
  readonly flush: () => Promise<void>;
};

/** @throws CommandError with code 2: where it is to stand is the person's choice. */
const orRefuse = async <T>(action: () => Promise<T>): Promise<T> => {
  try {
    return await action();
  } catch (error) {
    throw new CommandError(`The list can't be written: ${(error as Error).message}. Nothing was stored.`, ExitCode.USAGE);
  }
};

/** Characters that are written at once. */
const BATCH = 64 * 1024;

/** Opens the list before the import, so that one that can't be written is known before anything is read. */
export const openListFile = async (path: string): Promise<ListFile> => {
  const file = await orRefuse(() => open(path, "w", 0o600));
  let waiting = "";
  const flush = async (): Promise<void> => {
    const text = waiting;
    waiting = "";
    await orRefuse(() => file.writeFile(text));
  };
  return {
    add: (line) => {
      waiting += `${JSON.stringify(line)}\n`;
      return waiting.length < BATCH ? undefined : flush();
    },
    flush,
    [Symbol.asyncDispose]: () => file.close(),
  };
};
