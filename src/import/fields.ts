import { canonicalName } from "../names/canonical.ts";
import { parseExactly } from "./exact-json.ts";
import { FieldFault, Unfit } from "./fault.ts";
import { standInOf, standInOfLarge } from "./keys.ts";
import { pythonLiteral } from "./python-literal.ts";

/**
 * A function that adds a note about a record to the report of the import. The report counts notes of equal text, so the text must hold no
 * values from the record.
 */
export type Note = (text: string) => void;

/**
 * A function that reads the value of one field of a record; undefined stands for an absent field. The text of a note completes a sentence
 * that begins with the name of the field: `has white space around it`.
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

/** Reads a boolean, also as Python or a database writes it: `True`, `1`, `"false"`. */
export const bool: Plain<boolean> = (value) => {
  const known = booleans.get(value);
  if (known === undefined) throw fault("true or false", value);
  return known;
};

/** Reads an integer of 64 bits, written as a number or as text. */
export const int: Plain<bigint> = (value) => {
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  const exact = typeof value === "bigint" ? value : typeof value === "string" && /^[+-]?\d{1,19}$/.test(value) ? BigInt(value) : undefined;
  if (exact === undefined || exact !== BigInt.asIntN(64, exact)) throw fault("an integer of 64 bits", value);
  return exact;
};

/** The most characters of a key: it becomes an external id. */
const MAX_KEY = 200;

const written = (value: unknown): bigint | string => {
  if (typeof value !== "bigint" && (typeof value !== "string" || value === "")) return int(value);
  const digits = text(MAX_KEY)(String(value));
  return /^(0|-?[1-9]\d*)$/.test(digits) ? BigInt(digits) : digits;
};

/**
 * Reads the primary key of a record as an id; a key that can't be an id, such as a UUID, becomes a stand-in (keys.ts). Only `--ids new`
 * accepts stand-ins. Throws Unfit for an integer below 1.
 */
export const key: Plain<bigint> = (value) => {
  const id = written(value);
  if (typeof id === "string") return standInOf(id);
  if (id < 1n) throw new Unfit("is below 1: ids begin there");
  return id > BigInt(Number.MAX_SAFE_INTEGER) ? standInOfLarge(id) : id;
};

/** Makes a `Field` that reads text. It throws Unfit when the text is longer than `maxLength` characters, or PostgreSQL can't store it. */
export const text =
  (maxLength: number): Plain<string> =>
  (value) => {
    if (typeof value !== "string") throw fault("text", value);
    if (value.includes("\0") || !value.isWellFormed()) throw new Unfit("holds a NUL character or half of a surrogate pair");
    if (value.length > maxLength && [...value].length > maxLength) throw new Unfit(`is longer than ${maxLength} characters`);
    return value;
  };

/** Makes a `Field` that reads text of up to `maxLength` characters, and throws Unfit with the message `fault` if `form` does not match. */
export const matching = (maxLength: number, form: RegExp, fault: string): Plain<string> => {
  const within = text(maxLength);
  return (value) => {
    const read = within(value);
    if (!form.test(read)) throw new Unfit(fault);
    return read;
  };
};

/** Makes a `Field` that reads text of 1 to `maxLength` characters. */
export const filled = (maxLength: number): Plain<string> => matching(maxLength, /./s, "is empty");

/**
 * Makes a `Field` that reads integers from 0 to `last`. For other integers it throws Unfit with the message `fault`, such as "is not 0 or
 * 1".
 */
export const upTo =
  (last: bigint, fault: string): Plain<bigint> =>
  (value) => {
    const read = int(value);
    if (read < 0n || read > last) throw new Unfit(fault);
    return read;
  };

/** Makes a `Field` that reads text of at most `maxLength` characters. It removes white space around the text, and adds a note of that. */
export const trimmed = (maxLength: number): Field<string> => {
  const within = text(maxLength);
  return (value, note) => {
    const bare = typeof value === "string" ? value.trim() : value;
    if (bare !== value) note("has white space around it, which is left out");
    return within(bare);
  };
};

const moment = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d+))?)?\s?(?:Z|([+-])(\d\d)(?::?(\d\d)(?::?(\d\d))?)?)?)?$/i;

/** Matches a moment that needs no check or change, as Django writes most: in UTC, with milliseconds, on a day that each month has. */
const kept = /^(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3])(?::[0-5]\d){2}\.\d{3}Z$/;

/**
 * Reads a time in ISO 8601, as Django or a database writes it, and returns it in UTC, cut to milliseconds. A time without an offset is in
 * UTC.
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
  // A day that its month does not have becomes one of the next month.
  const isDay = !Number.isNaN(local.getTime()) && new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
  const date = new Date(local.getTime() - offset);
  if (!(isDay && isOffset && date.getUTCFullYear() >= 1 && date.getUTCFullYear() <= 9999))
    throw new FieldFault("must be a time that exists");
  return date.toISOString();
};

/** JSON first: it may hold objects in the list, which Python literals in exports do not. */
const literal = (written: string): unknown => {
  try {
    return parseExactly(written);
  } catch {
    return pythonLiteral(written);
  }
};

/** Reads a list, written as JSON, as JSON in a string, or in a string as Python prints it (`"['a', 'b']"`). */
export const list: Plain<unknown[]> = (value) => {
  const read = typeof value === "string" ? literal(value) : value;
  if (!Array.isArray(read)) throw fault("a list", value);
  return read;
};

/** The columns by which a row of a staging table names its user: the primary key, or the username as written and in canonical form. */
export type UserReference = { readonly user_pk?: bigint; readonly user_name?: string; readonly user_canonical?: string };

/** Reads a reference to a user: a primary key, or Django's natural key (`["name@example.com"]`). */
export const userReference: Plain<UserReference> = (value) => {
  if (value === null) throw new Unfit("is null");
  if (!Array.isArray(value)) return { user_pk: key(value) };
  const [name, ...more] = value as unknown[];
  if (typeof name !== "string" || more.length > 0) throw fault("a user's id or natural key", value);
  const username = text(200)(name);
  return { user_name: username, user_canonical: canonicalName(username) };
};

/** Makes a `Field` optional. When a record leaves the field out, a new row gets the default, and an existing row keeps its value. */
export const optional =
  <T>(field: Field<T>): Field<T | undefined> =>
  (value, note) =>
    value === undefined ? undefined : field(value, note);

/** Makes a `Field` accept null, which is stored as null. */
export const nullable =
  <T>(field: Field<T>): Field<T | null> =>
  (value, note) =>
    value === null ? null : field(value, note);

/** Makes a `Field` return `meaning` for null. If `meaning` is undefined, null means the same as an absent field. */
export const nullAs =
  <T, N>(meaning: N, field: Field<T>): Field<T | N> =>
  (value, note) =>
    value === null ? meaning : field(value, note);
