import { once } from "node:events";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import { ImportFault } from "./fault.ts";

/** A file that was opened for an import: the stream of its bytes, and its size in bytes, or undefined if the size is not known in advance. */
export type Source = { readonly stream: Readable; readonly size: number | undefined };

/** The file name that stands for standard input. */
export const STDIN = "-";

/** Opens the file to import, where `-` is standard input. Throws ImportFault when the file can't be read. */
export const openSource = async (file: string): Promise<Source> => {
  if (file === STDIN) return { stream: process.stdin, size: undefined };
  try {
    const stream = createReadStream(file);
    await once(stream, "open");
    const found = await stat(file);
    if (found.isDirectory()) throw new Error("it is a folder");
    const size = found.isFile() ? found.size : undefined;
    return { stream, size };
  } catch (error) {
    throw new ImportFault(`The file can't be read: ${(error as Error).message}.`, { cause: error });
  }
};
