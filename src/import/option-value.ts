import { DomainError } from "../errors.ts";
import { canonicalJson } from "../options/canonical.ts";
import { MAX_VALUE_BYTES, MAX_VALUE_LEVELS } from "../options/value.ts";
import { parseExactly } from "./exact-json.ts";
import { FieldFault, Unfit } from "./fault.ts";
import type { Field, Note } from "./fields.ts";
import { isPickle, readPickle } from "./pickle.ts";

const TOO_DEEP = `is nested deeper than ${MAX_VALUE_LEVELS} levels`;

/** Decodes a stored text: a pickle, or a text, list or object in JSON. Other text is itself, also `1`: numbers are no text in exports. */
const decoded = (text: string): unknown => {
  if (isPickle(text)) return readPickle(text);
  if (!/^\s*["[{]/.test(text)) return text;
  try {
    return parseExactly(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw new Unfit(TOO_DEEP, { cause: error });
  }
};

const LARGE = "holds an integer beyond 2^53, which is kept as text";

/** Replaces bigints by text: stored values hold only numbers of 64 bits. */
const withoutBigints = (value: unknown, note: Note, level = 1): unknown => {
  if (level > MAX_VALUE_LEVELS) throw new Unfit(TOO_DEEP);
  if (typeof value === "bigint") {
    note(LARGE);
    return String(value);
  }
  if (Array.isArray(value)) return value.map((member) => withoutBigints(member, note, level + 1));
  if (typeof value !== "object" || value === null) return value;
  // Without a prototype: "__proto__" is a member like any other.
  const object = Object.create(null) as Record<string, unknown>;
  for (const [name, member] of Object.entries(value)) object[name] = withoutBigints(member, note, level + 1);
  return object;
};

const isText = (text: string): boolean => !text.includes("\0") && text.isWellFormed();

const isPlainObject = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

/** Tells whether JSON.stringify makes the canonical text of a value: it does of nearly every one, and much faster. */
const isPlain = (value: unknown, level = 1): boolean => {
  if (typeof value === "string") return isText(value);
  if (typeof value === "number") return value === 0 || (Math.abs(value) >= 1e-6 && Math.abs(value) < 1e21);
  if (typeof value !== "object") return typeof value === "boolean";
  if (value === null) return true;
  if (level >= MAX_VALUE_LEVELS) return false;
  if (Array.isArray(value)) return value.every((member) => isPlain(member, level + 1));
  return isPlainObject(value) && Object.entries(value).every(([name, member]) => isText(name) && isPlain(member, level + 1));
};

/** Text so short takes less than a value may: a character takes 3 bytes at most, and PostgreSQL adds a space at most. */
const SHORT = MAX_VALUE_BYTES / 4;

/**
 * Reads the value of an option, and returns it as canonical JSON. In files the value is plain JSON, JSON in a string
 * (`"\"Europe/Vienna\""`), text (`Europe/Vienna`) or a pickle. Throws Unfit for a value that the API could neither write nor return.
 */
export const optionValue: Field<string> = (value, note) => {
  if (value === undefined) throw new FieldFault("is missing");
  const read = typeof value === "string" ? decoded(value) : value;
  if (isPlain(read)) {
    const json = JSON.stringify(read);
    if (json.length <= SHORT) return json;
  }
  try {
    return canonicalJson(withoutBigints(read, note));
  } catch (error) {
    if (error instanceof DomainError) throw new Unfit(error.violations[0]?.description ?? error.message, { cause: error });
    throw error;
  }
};
