import type { JsonValue } from "@bufbuild/protobuf";
import type { Value } from "@bufbuild/protobuf/wkt";
import { invalidField } from "../errors.ts";

/** The size limit of an option's value, in bytes as `storedBytes` counts them. */
export const MAX_VALUE_BYTES = 64 * 1024;
/** The deepest nesting of a value: a scalar has depth 1, a list or object one more than its deepest member. */
export const MAX_VALUE_LEVELS = 24;

type Kind = Value["kind"];
type Walk = { levels: number; fault: string | undefined };

/** The fault of a text that can't be stored, be it a value or the name of a member; undefined = none. */
const faultOf = (text: string): string | undefined => {
  if (text.includes("\0")) return "holds a NUL character";
  return text.isWellFormed() ? undefined : "holds half of a surrogate pair";
};

const fromKind = (kind: Kind, level: number, walk: Walk): JsonValue => {
  if (level > walk.levels) walk.levels = level;
  // What is deeper is refused anyway; not walking it bounds the recursion.
  if (level > MAX_VALUE_LEVELS) return null;
  switch (kind.case) {
    case "numberValue":
      if (!Number.isFinite(kind.value)) walk.fault ??= "holds a number that is not finite";
      return kind.value === 0 ? 0 : kind.value;
    case "stringValue":
      walk.fault ??= faultOf(kind.value);
      return kind.value;
    case "boolValue":
      return kind.value;
    case "listValue":
      return kind.value.values.map((member) => fromKind(member.kind, level + 1, walk));
    case "structValue": {
      // Without a prototype: "__proto__" is a member like any other.
      const object: Record<string, JsonValue> = Object.create(null);
      for (const [name, member] of Object.entries(kind.value.fields)) {
        walk.fault ??= faultOf(name);
        object[name] = fromKind(member.kind, level + 1, walk);
      }
      return object;
    }
    case "nullValue":
      return null;
    default:
      walk.fault ??= "holds a member without a value";
      return null;
  }
};

/** The number of characters that a number takes more when it is written without an exponent: 1e308 takes 309 in all. */
const writtenOut = (value: number): number => {
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-6 && size < 1e21)) return 0;
  const text = String(size);
  const [mantissa = "", exponent = ""] = text.split("e");
  const power = Number(exponent);
  const digits = mantissa.replace(".", "").length;
  return (power > 0 ? power + 1 : 1 - power + digits) - text.length;
};

/** The bytes of PostgreSQL's jsonb text beyond the canonical text: digits for exponents, and a space after each "," and ":". */
const beyondCanonical = (json: JsonValue): number => {
  if (typeof json === "number") return writtenOut(json);
  if (typeof json !== "object" || json === null) return 0;
  const members = Object.values(json);
  const separators = Array.isArray(json) ? members.length - 1 : 2 * members.length - 1;
  return members.reduce((sum: number, member) => sum + beyondCanonical(member), Math.max(0, separators));
};

/** Counts the bytes of a JSON value as text in PostgreSQL, for limits and quotas. `canonical` is the value's JSON text, if known already. */
export const storedBytes = (json: JsonValue, canonical = JSON.stringify(json)): number =>
  Buffer.byteLength(canonical) + beyondCanonical(json);

/** The bytes of a field of a message: its tag, its length as a varint, and its content. */
const framed = (bytes: number): number => 1 + Math.max(1, Math.ceil((32 - Math.clz32(bytes)) / 7)) + bytes;

/** Counts the bytes of a JSON value as a google.protobuf.Value. They can be many more than the bytes of its text: 11 for a `0` in a list. */
export const wireBytes = (json: unknown): number => {
  if (typeof json === "number") return 9;
  if (typeof json === "string") return framed(Buffer.byteLength(json));
  if (typeof json !== "object" || json === null) return 2;
  if (Array.isArray(json)) return framed(json.reduce((sum: number, member) => sum + framed(wireBytes(member)), 0));
  const members = Object.entries(json);
  return framed(members.reduce((sum, [name, member]) => sum + framed(framed(Buffer.byteLength(name)) + framed(wireBytes(member))), 0));
};

/** Returns the size of stored JSON in a page: `bytes`, its size as text in PostgreSQL, or its size in an answer, if larger. */
export const sentBytes = (bytes: number, json: unknown): number => Math.max(bytes, wireBytes(json));

/**
 * Checks a value before it is stored, and returns its canonical JSON text. The limits are 24 levels and 64 KiB; numbers have to be finite, and
 * texts valid Unicode without NUL characters.
 * @throws INVALID_ARGUMENT OPTION_VALUE_TOO_DEEP, OPTION_VALUE_TOO_LARGE or FIELD_INVALID, naming the field.
 */
export const jsonOf = (value: Value, field = "value"): string => {
  const walk: Walk = { levels: 0, fault: undefined };
  const json = fromKind(value.kind, 1, walk);
  if (walk.levels > MAX_VALUE_LEVELS) {
    throw invalidField(field, `is nested deeper than ${MAX_VALUE_LEVELS} levels`, "OPTION_VALUE_TOO_DEEP");
  }
  if (walk.fault !== undefined) throw invalidField(field, walk.fault);
  const text = JSON.stringify(json);
  if (storedBytes(json, text) > MAX_VALUE_BYTES) {
    throw invalidField(field, `is larger than ${MAX_VALUE_BYTES} bytes`, "OPTION_VALUE_TOO_LARGE");
  }
  return text;
};

const kindOf = (json: unknown): Kind => {
  switch (typeof json) {
    case "number":
      return { case: "numberValue", value: json };
    case "string":
      return { case: "stringValue", value: json };
    case "boolean":
      return { case: "boolValue", value: json };
    default:
      if (json === null || json === undefined) return { case: "nullValue", value: 0 };
      if (Array.isArray(json)) {
        return { case: "listValue", value: { $typeName: "google.protobuf.ListValue", values: json.map(toValue) } };
      }
      return { case: "structValue", value: { $typeName: "google.protobuf.Struct", fields: fieldsOf(json) } };
  }
};

const fieldsOf = (json: object): Record<string, Value> => {
  // `Object.fromEntries` defines its members, so "__proto__" stays one.
  return Object.fromEntries(Object.entries(json).map(([name, member]) => [name, toValue(member)]));
};

/** Converts stored JSON to a google.protobuf.Value. It makes an object literal, since `create` of protobuf-es is several times as slow. */
export const toValue = (json: unknown): Value => ({ $typeName: "google.protobuf.Value", kind: kindOf(json) });
