import { open } from "node:fs/promises";
import type { ReportLine } from "../import/report.ts";
import { orRefuse } from "./written-file.ts";

/** A file with a line of JSON for each record that an import skipped, or stored with a note. */
export type ListFile = AsyncDisposable & {
  readonly add: (line: ReportLine) => Promise<void> | undefined;
  /** Writes the lines that wait in memory, so that a full disk is noticed before the import stores anything. */
  readonly flush: () => Promise<void>;
};

/** The number of characters that are written at once. */
const BATCH = 64 * 1024;

/** Opens a `ListFile` for writing. Call it before the import: a file that can't be written is refused before anything is read. */
export const openListFile = async (path: string): Promise<ListFile> => {
  const file = await orRefuse("list", () => open(path, "w", 0o600));
  let waiting = "";
  const flush = async (): Promise<void> => {
    const text = waiting;
    waiting = "";
    await orRefuse("list", () => file.writeFile(text));
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
