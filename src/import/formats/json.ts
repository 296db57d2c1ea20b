import { Assembler } from "stream-json/assembler.js";
import { jsonParser } from "stream-json/core/parser.js";
import { exactNumber, parseExactly } from "../exact-json.ts";
import { ImportFault } from "../fault.ts";
import { createSplitter } from "./json-splitter.ts";
import { MAX_DEPTH, plain, type RecordReader } from "./record-reader.ts";

/** Characters that the stream of tokens may want to see beyond a token. */
const LOOK_AHEAD = 64;

/** Text up to and with each `}`: at most one record ends in a slice, so that a syntax error has a record's number. */
const slices = function* (text: string): Generator<string> {
  let from = 0;
  for (let brace = text.indexOf("}"); brace >= 0; brace = text.indexOf("}", from)) {
    yield text.slice(from, brace + 1);
    from = brace + 1;
  }
  if (from < text.length) yield text.slice(from);
};

/** Makes the `RecordReader` of JSON: of an array of records, or of records that follow one another, such as one per line. */
export const jsonReader = (form: "array" | "lines"): RecordReader => {
  const parse = jsonParser({ packValues: true, streamValues: false, jsonStreaming: form === "lines" });
  const assembler = new Assembler();
  /** Depth of the assembler between two records. */
  const between = form === "array" ? 1 : 0;
  const splitter = createSplitter(between);
  /** The parsed records that empty objects stand for in the text; undefined for a record that goes on as it is. */
  const parsed: unknown[] = [];
  /** The text that stands for a record. A broken record goes on as it is: the stream of tokens says where it is broken. */
  const standIn = (text: string | undefined): string => {
    try {
      parsed.push(text && parseExactly(text));
      return text ? "{}" : "";
    } catch {
      parsed.push(undefined);
      return text ?? "";
    }
  };
  let count = 0;
  let begun = false;

  const place = (): string => {
    if (begun && assembler.done && form === "array") return "after the end of the array";
    const path = [...assembler.path.slice(between), ...(assembler.depth > between ? [assembler.key] : [])].filter((part) => part !== null);
    return `record ${count + 1}${path.length > 0 ? `, at ${plain(path.join("."))}` : ""}`;
  };
  const tokensOf = (text: string) => {
    try {
      return parse(text);
    } catch (error) {
      throw new ImportFault(`The file is not valid JSON (${place()}).`, { cause: error });
    }
  };
  /** The record that ended with the last token. */
  const finished = (): unknown => {
    if (assembler.depth !== between) return undefined;
    const { current } = assembler;
    const record: unknown = form === "lines" ? current : Array.isArray(current) ? current.pop() : undefined;
    const isObject = typeof record === "object" && record !== null && !Array.isArray(record);
    return (isObject ? parsed.shift() : undefined) ?? record;
  };

  const read = (text: string): unknown[] => {
    const records: unknown[] = [];
    for (const slice of slices(text)) {
      const tokens = tokensOf(slice);
      if (typeof tokens !== "object") continue;
      for (const token of tokens.values) {
        begun = true;
        // Between records that follow one another a value that is no object would be lost.
        if (form === "lines" && assembler.done && token.name !== "startObject") {
          throw new ImportFault(`Record ${count + 1}: it has to be an object with model, pk and fields.`);
        }
        // The assembler would round numbers; what it takes for text it takes as it is.
        assembler.consume(token.name === "numberValue" ? { name: "stringValue", value: exactNumber(token.value) as never } : token);
        if (assembler.depth > MAX_DEPTH) throw new ImportFault(`Record ${count + 1} is nested deeper than ${MAX_DEPTH} levels.`);
        const record = finished();
        if (record === undefined) continue;
        records.push(record);
        count += 1;
      }
    }
    return records;
  };

  return {
    // Three times that in memory at most.
    maxRecord: 32 * 1024 * 1024,
    place,
    take: (text) => read(splitter.take(text, standIn)),
    end: () => {
      // Before it calls a token wrong the stream waits for more: a record that is whole ends with white space, too.
      const records = read(splitter.rest() || " ".repeat(LOOK_AHEAD));
      if (!begun || !assembler.done) throw new ImportFault(`The file ends too early (${place()}).`);
      return records;
    },
  };
};
