import type { Readable } from "node:stream";
import { Assembler } from "stream-json/assembler.js";
import { jsonParser } from "stream-json/core/parser.js";
import { exactNumber } from "./exact-json.ts";
import { ImportFault } from "./fault.ts";

/** What was read since the last piece: the records that ended in it. */
export type Piece = { readonly records: readonly unknown[] /** Bytes of the file so far. */; readonly bytes: number };

/** Depth of the assembler between two records: inside the outermost list. */
const BETWEEN = 1;

/** Text up to and with each `}`: at most one record ends in a slice, so that a syntax error has a record's number. */
const slices = function* (text: string): Generator<string> {
  let from = 0;
  for (let brace = text.indexOf("}"); brace >= 0; brace = text.indexOf("}", from)) {
    yield text.slice(from, brace + 1);
    from = brace + 1;
  }
  if (from < text.length) yield text.slice(from);
};

/**
 * Reads a JSON array piece by piece; memory holds one piece and the record that it ends in.
 * @throws ImportFault when the file is not UTF-8, not JSON, not an array, or ends too early.
 */
export const readRecords = async function* (source: Readable): AsyncGenerator<Piece> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const parse = jsonParser({ packValues: true, streamValues: false });
  const assembler = new Assembler();
  let bytes = 0;
  let count = 0;
  let begun = false;

  /** "record 3, at fields.email": where the reader stands. */
  const here = (): string => {
    const path = [...assembler.path.slice(1), ...(assembler.depth > BETWEEN ? [assembler.key] : [])].filter((part) => part !== null);
    return `record ${count + 1}${path.length > 0 ? `, at ${JSON.stringify(path.join(".")).slice(1, -1)}` : ""}`;
  };
  const guarded = <T>(what: string, read: () => T): T => {
    try {
      return read();
    } catch (error) {
      const place = begun && assembler.done ? "after the end of the array" : here();
      throw new ImportFault(`The file is ${what} (${place}).`, { cause: error });
    }
  };
  const take = (text: string): unknown[] => {
    const records: unknown[] = [];
    for (const slice of slices(text)) {
      const tokens = guarded("not valid JSON", () => parse(slice));
      if (typeof tokens !== "object") continue;
      for (const token of tokens.values) {
        if (!begun && token.name !== "startArray") throw new ImportFault("The file is not a JSON array of records.");
        begun = true;
        // The assembler would round numbers; what it takes for text it takes as it is.
        assembler.consume(token.name === "numberValue" ? { name: "stringValue", value: exactNumber(token.value) as never } : token);
        const { current } = assembler;
        if (assembler.depth === BETWEEN && Array.isArray(current) && current.length > 0) {
          records.push(current.pop());
          count += 1;
        }
      }
    }
    return records;
  };

  for await (const chunk of source) {
    const read = typeof chunk === "string" ? Buffer.from(chunk) : (chunk as Uint8Array);
    const text = guarded("not UTF-8", () => decoder.decode(read, { stream: true }));
    bytes += read.length;
    yield { records: take(text), bytes };
  }
  const rest = take(guarded("not UTF-8", () => decoder.decode()));
  if (!begun) throw new ImportFault("The file is empty: it has to be a JSON array of records.");
  if (!assembler.done) throw new ImportFault(`The file ends too early (${here()}).`);
  yield { records: rest, bytes };
};
