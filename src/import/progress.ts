import { SingleBar } from "cli-progress";
import type { ImportProgress } from "./import.ts";

/** A display of the progress of an import. Dispose it when the import has ended. */
export type ProgressDisplay = Disposable & { readonly show: (progress: ImportProgress) => void };

const LINE_EVERY_MS = 5_000;

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

const bar = (total: number): ProgressDisplay => {
  const line = new SingleBar({
    format: "{bar} {percentage}% · {records} records · {phase}",
    hideCursor: true,
    clearOnComplete: true,
    stopOnComplete: false,
  });
  line.start(total, 0, { records: 0, phase: "reading" });
  return {
    show: ({ bytes, records, phase }) => line.update(Math.min(bytes, total), { records, phase }),
    [Symbol.dispose]: () => line.stop(),
  };
};

const lines = (): ProgressDisplay => {
  let next = Date.now() + LINE_EVERY_MS;
  return {
    show: ({ bytes, records, phase }) => {
      if (Date.now() < next) return;
      next = Date.now() + LINE_EVERY_MS;
      process.stderr.write(`${phase}: ${megabytes(bytes)}, ${records} records\n`);
    },
    [Symbol.dispose]: () => {},
  };
};

/** Makes the display of progress on standard error: a bar if this is a terminal and the file's size is known, else a line every 5 seconds. */
export const createProgress = (size: number | undefined): ProgressDisplay =>
  process.stderr.isTTY && size !== undefined && size > 0 ? bar(size) : lines();
