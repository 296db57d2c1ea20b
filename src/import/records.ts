import type { Readable } from "node:stream";
import { ImportFault } from "./fault.ts";
import { detect, type Format } from "./formats/detect.ts";
import { jsonReader } from "./formats/json.ts";
import { recordOfLine } from "./formats/own-line.ts";
import type { RecordReader } from "./formats/record-reader.ts";
import { unpack } from "./formats/unpack.ts";
import { xmlReader } from "./formats/xml.ts";
import { yamlReader } from "./formats/yaml.ts";

/** One piece of an import file: the records that end in the piece, and the number of bytes of the file up to the end of the piece. */
export type Piece = { readonly records: readonly unknown[]; readonly bytes: number };

const readers: Readonly<Record<Format, () => RecordReader>> = {
  array: () => jsonReader("array"),
  lines: () => jsonReader("lines"),
  xml: xmlReader,
  yaml: yamlReader,
};

/**
 * Reads the records of an import file in any known format, piece by piece, so that memory never holds the whole file.
 * @throws ImportFault when the file is of no known format, is broken or ends too early.
 */
export const readRecords = async function* (source: Readable): AsyncGenerator<Piece> {
  let bytes = 0;
  const counted = async function* () {
    try {
      for await (const chunk of source) {
        const read = typeof chunk === "string" ? Buffer.from(chunk) : (chunk as Buffer);
        bytes += read.length;
        yield read;
      }
    } catch (error) {
      const { syscall, message } = error as NodeJS.ErrnoException;
      throw syscall === undefined ? error : new ImportFault(`The file can't be read: ${message}.`, { cause: error });
    }
  };
  const opened = await unpack(counted());
  const reader = readers[detect(opened.head)]();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const decoded = (chunk?: Buffer): string => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined });
    } catch (error) {
      throw new ImportFault(`The file is not UTF-8 (${reader.place()}).`, { cause: error });
    }
  };

  /** Characters since a record ended. */
  let open = 0;
  for await (const chunk of opened.bytes) {
    const text = decoded(chunk);
    const records = reader.take(text);
    open = records.length === 0 ? open + text.length : text.length;
    if (open > reader.maxRecord) {
      throw new ImportFault(
        `A record is larger than ${reader.maxRecord / 1024 / 1024} MiB, which userd does not read in this format (${reader.place()}).`,
      );
    }
    yield { records: records.map(recordOfLine), bytes };
  }
  const rest = [...reader.take(decoded()), ...reader.end()];
  yield { records: rest.map(recordOfLine), bytes };
};
