import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { JsonValue } from "@bufbuild/protobuf";
import { type Document, isMap, isScalar, LineCounter, type ParsedNode, parseDocument, visit } from "yaml";
import type { z } from "zod";
import { ConfigError } from "../../config.ts";
import { DomainError } from "../../errors.ts";
import { canonicalJson } from "../canonical.ts";
import { storedBytes } from "../value.ts";
import { type Check, checkOf } from "./check.ts";
import { type Definition, definitionSchema, isKey } from "./definition.ts";
import { placeOf } from "./place.ts";

/** The definition of an option, with the function that checks its values. */
export type CheckedDefinition = Definition & { readonly check: Check };

/** The URL of the registry file that comes with userd: it is beside package.json, in the sources and in the build. */
export const builtInDefinitions = new URL("../../../option-definitions.yaml", import.meta.url);

/** A fault of a definition, and the path of the field that has it. */
type Fault = { readonly path: readonly PropertyKey[]; readonly sentence: string };

const fromIssue = (issue: z.core.$ZodIssue): Fault[] => {
  const { path, message } = issue;
  if (issue.code === "unrecognized_keys") return issue.keys.map((name) => ({ path: [...path, name], sentence: "there is no such field" }));
  return [{ path, sentence: message }];
};

/** JSON of the file in canonical form, or the reason why it could not be stored. */
const canonical = (json: JsonValue, max: number): { readonly value: JsonValue } | { readonly fault: string } => {
  try {
    const value = JSON.parse(canonicalJson(json)) as JsonValue;
    return storedBytes(value) > max ? { fault: `is larger than ${max} bytes` } : { value };
  } catch (error) {
    if (error instanceof DomainError) return { fault: error.violations[0]?.description ?? error.message };
    throw error;
  }
};

/** Checks that the values and the default could be stored, and that the default fits. */
const settle = (definition: CheckedDefinition): CheckedDefinition | readonly Fault[] => {
  const { max_bytes, check, default: fallback, values = [] } = definition;
  const faults: Fault[] = values.flatMap((value, index) => {
    const read = canonical(value, max_bytes);
    return "fault" in read ? [{ path: ["values", index], sentence: read.fault }] : [];
  });
  if (fallback === undefined) return faults.length > 0 ? faults : definition;
  const read = canonical(fallback, max_bytes);
  const fault = "fault" in read ? read.fault : check(read.value);
  if (fault !== undefined) faults.push({ path: ["default"], sentence: fault });
  return "fault" in read || faults.length > 0 ? faults : { ...definition, default: read.value };
};

const readDefinition = (key: string, json: unknown, isOurs: boolean): CheckedDefinition | readonly Fault[] => {
  if (!isKey(key)) return [{ path: [], sentence: "a key is 1 to 64 letters, digits, _ - . or :" }];
  const parsed = definitionSchema.safeParse(json);
  if (!parsed.success) return parsed.error.issues.flatMap(fromIssue);
  const definition = { ...parsed.data, key };
  try {
    return settle({ ...definition, check: checkOf(definition, isOurs) });
  } catch (error) {
    return [{ path: ["schema"], sentence: (error as Error).message }];
  }
};

const readSource = (file: string): string => {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new ConfigError(`The option definitions can't be read: ${(error as Error).message}.`, { cause: error });
  }
};

/** The offsets of integers in the file that would become other integers. */
const roundedIntegers = (document: Document): number[] => {
  const places: number[] = [];
  visit(document, {
    Scalar: (_, { value, source = "", range }) => {
      const isRounded = typeof value === "number" && /^-?(0|[1-9]\d*)$/.test(source) && BigInt(source) !== BigInt(value);
      if (isRounded) places.push(range?.[0] ?? 0);
    },
  });
  return places;
};

/**
 * Reads a registry file, and returns its definitions as a map from key to definition, ordered by key.
 * @throws ConfigError naming every fault with its file, line, key and field.
 */
export const loadDefinitions = (file: string | URL): ReadonlyMap<string, CheckedDefinition> => {
  const name = file instanceof URL ? fileURLToPath(file) : file;
  const lines = new LineCounter();
  const document = parseDocument(readSource(name), { lineCounter: lines, prettyErrors: false });
  const faults: string[] = [];
  const fail = (place: number, sentence: string) => faults.push(`${name}:${lines.linePos(place).line}: ${sentence}`);

  const definitions: CheckedDefinition[] = [];
  const { contents } = document;
  for (const place of roundedIntegers(document)) fail(place, "a whole number that a double does not hold exactly: write it as a string");
  if (document.errors.length > 0) for (const { pos, message } of document.errors) fail(pos[0], message);
  else if (isMap(contents)) {
    for (const { key, value } of contents.items as { key: ParsedNode; value: ParsedNode | null }[]) {
      const optionKey = isScalar(key) ? String(key.value) : String(key);
      const read = readDefinition(optionKey, value?.toJS(document), file === builtInDefinitions);
      if ("key" in read) definitions.push(read);
      else
        for (const { path, sentence } of read)
          fail(placeOf(contents, [optionKey, ...path]), `${[optionKey, ...path].join(".")}: ${sentence}`);
    }
  } else if (contents !== null) fail(contents.range[0], "the file has to be a map of keys");
  if (faults.length > 0) throw new ConfigError(faults.join("\n"));
  return new Map(definitions.sort((a, b) => (a.key < b.key ? -1 : 1)).map((definition) => [definition.key, definition]));
};
