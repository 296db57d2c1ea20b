import { type Document, isAlias, isScalar, parseDocument, visit } from "yaml";
import { ImportFault } from "../fault.ts";
import { pythonTags } from "./python-yaml.ts";
import { MAX_DEPTH, type RecordReader } from "./record-reader.ts";

/** A record of a YAML list begins with a hyphen in the first column, and nothing else does. */
const NEXT = /\n(?=- |-\r?\n)/;

/** Integers that a number can't hold stay bigints. */
const plainValue = (value: unknown, level = 0): unknown => {
  if (level > MAX_DEPTH) throw new RangeError("It is nested too deeply.");
  if (typeof value === "bigint") return value === BigInt(Number(value)) && Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (Array.isArray(value)) return value.map((member) => plainValue(member, level + 1));
  if (typeof value !== "object" || value === null) return value;
  const object = Object.create(null) as Record<string, unknown>;
  for (const [name, member] of Object.entries(value)) object[name] = plainValue(member, level + 1);
  return object;
};

/** The reason why a document is not read; undefined when it is. */
const faultOf = (document: Document): string | undefined => {
  let found: string | undefined;
  visit(document, {
    Node: (_, node) => {
      if (isAlias(node)) found = "The file has an alias (*name), which userd does not follow";
      else if (node.tag !== undefined && !(isScalar(node) && /^tag:yaml.org,2002:(str|int|float|bool|null)$/.test(node.tag)))
        found = "The file has a tag (!name) that userd does not know";
      return found === undefined ? undefined : visit.BREAK;
    },
  });
  return found;
};

/**
 * Makes the `RecordReader` of the YAML that Django writes: one list of records. Each record is parsed by itself, so that memory does not
 * grow with the file.
 */
export const yamlReader = (): RecordReader => {
  let rest = "";
  let count = 0;
  let isEmpty = true;
  const place = (): string => `record ${count + 1}`;

  const recordsOf = (text: string): unknown[] => {
    try {
      const document = parseDocument(text, {
        version: "1.1",
        intAsBigInt: true,
        customTags: pythonTags,
        stringKeys: true,
      });
      const [error = document.warnings[0]] = document.errors;
      if (error !== undefined) throw error;
      const fault = faultOf(document);
      if (fault !== undefined) throw new ImportFault(`${fault} (${place()}).`);
      const value = plainValue(document.toJS({ maxAliasCount: 0 }));
      if (value === null) return [];
      if (!Array.isArray(value)) throw new ImportFault("The file is not a YAML list of records.");
      isEmpty = false;
      count += value.length;
      return value;
    } catch (error) {
      if (error instanceof ImportFault) throw error;
      throw new ImportFault(`The file is not valid YAML (${place()}).`, { cause: error });
    }
  };

  return {
    // The parser needs some fifty times that in memory.
    maxRecord: 4 * 1024 * 1024,
    place,
    take: (text) => {
      const parts = `${rest}${text}`.split(NEXT);
      rest = parts.pop() ?? "";
      return parts.flatMap(recordsOf);
    },
    end: () => {
      const records = recordsOf(rest);
      if (isEmpty && !/^\s*\[\s*\]/m.test(rest)) throw new ImportFault("The file is not a YAML list of records.");
      return records;
    },
  };
};
