import { canonicalName } from "../names/canonical.ts";
import { parseExactly } from "./exact-json.ts";
import { FieldFault, Unfit } from "./fault.ts";
import { standInOf, standInOfLarge } from "./keys.ts";
import { pythonLiteral } from "./python-literal.ts";

/** A function that adds a note about a record, for whoever imports. Its texts have to be few: the report counts notes by their text. */
export type Note = (text: string) => void;

/**
 * A function that reads the value of one field of a record; undefined means that the record does not have the field. A note
 * completes a sentence that begins with the field.
 * @throws FieldFault when the file is broken, Unfit when the record has to be skipped.
 */
export type Field<T> = (value: unknown, note: Note) => T;

/** A function that reads the value of one field like a `Field`, but never adds a note. */
export type Plain<T> = (value: unknown) => T;

const kindOf = (value: unknown): string =>
  value === undefined
    ? "absent"
    : value === null
      ? "null"
      : Array.isArray(value)
        ? "a list"
        : typeof value === "object"
          ? "an object"
          : `a ${typeof value === "bigint" ? "number" : typeof value}`;

/** Values never stand in messages: they may be secrets. */
const fault = (expected: string, value: unknown): FieldFault => new FieldFault(`must be ${expected}, and is ${kindOf(value)}`);

const booleans = new Map<unknown, boolean>(
  [true, 1, "1", "true", "True"]
    .map((value): [unknown, boolean] => [value, true])
    .concat([false, 0, "0", "false", "False"].map((value) => [value, false])),
);

/** Reads true or false, also as Python or a database writes them. */
export const bool: Plain<boolean> = (value) => {
  const known = booleans.get(value);
  if (known === undefined) throw fault("true or false", value);
  return known;
};

/** Reads an integer of 64 bits, given as a number or as text. */
export const int: Plain<bigint> = (value) => {
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  const exact = typeof value === "bigint" ? value : typeof value === "string" && /^[+-]?\d{1,19}$/.test(value) ? BigInt(value) : undefined;
  if (exact === undefined || exact !== BigInt.asIntN(64, exact)) throw fault("an integer of 64 bits", value);
  return exact;
};

/** Longest key: it becomes an external id. */
const MAX_KEY = 200;

/** An integer of any size, or text. */
const written = (value: unknown): bigint | string => {
  if (typeof value !== "bigint" && (typeof value !== "string" || value === "")) return int(value);
  const digits = text(MAX_KEY)(String(value));
  return /^(0|-?[1-9]\d*)$/.test(digits) ? BigInt(digits) : digits;
};

/**
 * Reads a key. A positive integer that can be an id is returned as it is; one below 1 makes the record unfit. Any other key becomes
 * the number that stands for it (keys.ts), which only `--ids new` takes.
 */
export const key: Plain<bigint> = (value) => {
  const id = written(value);
  if (typeof id === "string") return standInOf(id);
  if (id < 1n) throw new Unfit("is below 1: ids begin there");
  return id > BigInt(Number.MAX_SAFE_INTEGER) ? standInOfLarge(id) : id;
};

/** Makes a `Field` for text of at most `maxLength` characters that PostgreSQL can hold. */
export const text =
  (maxLength: number): Plain<string> =>
  (value) => {
    if (typeof value !== "string") throw fault("text", value);
    if (value.includes("\0") || !value.isWellFormed()) throw new Unfit("holds a NUL character or half of a surrogate pair");
    if (value.length > maxLength && [...value].length > maxLength) throw new Unfit(`is longer than ${maxLength} characters`);
    return value;
  };

/**
 * Makes a `Field` for text that matches `form`. Other text makes the record unfit; `fault` is the message, which says what the text
 * is not.
 */
export const matching = (maxLength: number, form: RegExp, fault: string): Plain<string> => {
  const within = text(maxLength);
  return (value) => {
    const read = within(value);
    if (!form.test(read)) throw new Unfit(fault);
    return read;
  };
};

/** Makes a `Field` for text that is not empty. */
export const filled = (maxLength: number): Plain<string> => matching(maxLength, /./s, "is empty");

/** Makes a `Field` for integers from 0 to `last`. Others make the record unfit; `fault` is the message, which says what they are not. */
export const upTo =
  (last: bigint, fault: string): Plain<bigint> =>
  (value) => {
    const read = int(value);
    if (read < 0n || read > last) throw new Unfit(fault);
    return read;
  };

/** Makes a `Field` for text such as an address: white space around it is left out, and noted. */
export const trimmed = (maxLength: number): Field<string> => {
  const within = text(maxLength);
  return (value, note) => {
    const bare = typeof value === "string" ? value.trim() : value;
    if (bare !== value) note("has white space around it, which is left out");
    return within(bare);
  };
};

const moment = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d+))?)?\s?(?:Z|([+-])(\d\d)(?::?(\d\d)(?::?(\d\d))?)?)?)?$/i;

/** As Django writes most moments, and as they are kept: on a day that each month has, so that nothing is left to be checked. */
const kept = /^(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3])(?::[0-5]\d){2}\.\d{3}Z$/;

/**
 * Reads a moment, in any form of ISO 8601 that Django or a database writes, and cuts it to the millisecond. Without an offset it is
 * UTC. Offsets of old times have seconds.
 */
export const time: Plain<string> = (value) => {
  if (typeof value === "string" && kept.test(value)) return value;
  const parts = typeof value === "string" ? moment.exec(value) : null;
  if (!parts) throw fault("a time in ISO 8601", value);
  const [, day = "", minutes = "00:00", seconds = "00", fraction = "", sign = "+", ...offsets] = parts;
  const local = new Date(`${day}T${minutes}:${seconds}.${fraction.slice(0, 3).padEnd(3, "0")}Z`);
  const [hours = 0, offsetMinutes = 0, offsetSeconds = 0] = offsets.map((part: string | undefined) => Number(part ?? 0));
  const offset = Number(`${sign}1`) * ((hours * 60 + offsetMinutes) * 60 + offsetSeconds) * 1_000;
  const isOffset = hours < 24 && offsetMinutes < 60 && offsetSeconds < 60;
  // What is no day of its month becomes one of the next.
  const isDay = !Number.isNaN(local.getTime()) && new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
  const date = new Date(local.getTime() - offset);
  if (!(isDay && isOffset && date.getUTCFullYear() >= 1 && date.getUTCFullYear() <= 9999))
    throw new FieldFault("must be a time that exists");
  return date.toISOString();
};

/** Python writes no objects in the lists that files hold; JSON does. */
const literal = (written: string): unknown => {
  try {
    return parseExactly(written);
  } catch {
    return pythonLiteral(written);
  }
};

/** Reads a list: plain JSON, JSON inside a string, or the way Python writes it (`"['a', 'b']"`). */
export const list: Plain<unknown[]> = (value) => {
  const read = typeof value === "string" ? literal(value) : value;
  if (!Array.isArray(read)) throw fault("a list", value);
  return read;
};

/** The columns by which a staged row names its user, until a step finds the user's id. */
export type UserReference = { readonly user_pk?: bigint; readonly user_name?: string; readonly user_canonical?: string };

/** Reads a reference to a user, by primary key or by natural key (`["name@example.com"]`). */
export const userReference: Plain<UserReference> = (value) => {
  if (value === null) throw new Unfit("is null");
  if (!Array.isArray(value)) return { user_pk: key(value) };
  const [name, ...more] = value as unknown[];
  if (typeof name !== "string" || more.length > 0) throw fault("a user's id or natural key", value);
  const username = text(200)(name);
  return { user_name: username, user_canonical: canonicalName(username) };
};

/** Makes a field optional. When a record leaves it out, a new row gets the default, and an existing row keeps its value. */
export const optional =
  <T>(field: Field<T>): Field<T | undefined> =>
  (value, note) =>
    value === undefined ? undefined : field(value, note);

/** Makes a field nullable: null is stored as null. */
export const nullable =
  <T>(field: Field<T>): Field<T | null> =>
  (value, note) =>
    value === null ? null : field(value, note);

/** Makes a field read null as `meaning`. The meaning undefined is the same as if the field were absent. */
export const nullAs =
  <T, N>(meaning: N, field: Field<T>): Field<T | N> =>
  (value, note) =>
    value === null ? meaning : field(value, note);
