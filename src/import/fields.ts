import { handleOf } from "../db/handles.ts";
import { FieldFault, Unfit } from "./fault.ts";
import { pythonLiteral } from "./python-literal.ts";

/**
 * Reads one field of a record; undefined = the record does not have it.
 * @throws FieldFault when the file is broken, Unfit when the record has to be skipped.
 */
export type Field<T> = (value: unknown) => T;

const kindOf = (value: unknown): string =>
  value === undefined
    ? "absent"
    : value === null
      ? "null"
      : Array.isArray(value)
        ? "a list"
        : typeof value === "object"
          ? "an object"
          : `a ${typeof value}`;

/** Values never stand in messages: they may be secrets. */
const fault = (expected: string, value: unknown): FieldFault => new FieldFault(`must be ${expected}, and is ${kindOf(value)}`);

const booleans = new Map<unknown, boolean>(
  [true, 1, "1", "true", "True"]
    .map((value): [unknown, boolean] => [value, true])
    .concat([false, 0, "0", "false", "False"].map((value) => [value, false])),
);

/** True or false, also as Python or a database writes them. */
export const bool: Field<boolean> = (value) => {
  const known = booleans.get(value);
  if (known === undefined) throw fault("true or false", value);
  return known;
};

/** An integer, as a number or as text. The JSON of a bigint column is exact only as text above 2^53. */
export const int: Field<bigint> = (value) => {
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  const exact = typeof value === "string" && /^[+-]?\d{1,19}$/.test(value) ? BigInt(value) : undefined;
  if (exact === undefined || exact !== BigInt.asIntN(64, exact)) throw fault("an integer (as text where it exceeds 2^53)", value);
  return exact;
};

/** An id: a positive integer. */
export const key: Field<bigint> = (value) => {
  const id = int(value);
  if (id < 1n) throw new FieldFault("must be a positive integer");
  return id;
};

/** Text of at most so many characters that PostgreSQL can hold. */
export const text =
  (maxLength: number): Field<string> =>
  (value) => {
    if (typeof value !== "string") throw fault("text", value);
    if (value.includes("\0") || !value.isWellFormed()) throw new Unfit("holds a NUL character or half of a surrogate pair");
    if (value.length > maxLength && [...value].length > maxLength) throw new Unfit(`is longer than ${maxLength} characters`);
    return value;
  };

const moment = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?\s?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i;

/** A moment, in any form of ISO 8601 that Django or a database writes, cut to the millisecond. Without an offset it is UTC. */
export const time: Field<string> = (value) => {
  const parts = typeof value === "string" ? moment.exec(value) : null;
  if (!parts) throw fault("a time in ISO 8601", value);
  const [, year, month, day, hours = "00", minutes = "00", seconds = "00", fraction = "", offset = "Z"] = parts;
  const zone =
    offset.length === 3 ? `${offset}:00` : offset.length === 5 ? `${offset.slice(0, 3)}:${offset.slice(3)}` : offset.toUpperCase();
  const date = new Date(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}.${fraction.slice(0, 3).padEnd(3, "0")}${zone}`);
  const daysOfMonth = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  const exists = Number(day) <= daysOfMonth && date.getUTCFullYear() >= 1 && date.getUTCFullYear() <= 9999;
  if (!exists) throw new FieldFault("must be a time that exists");
  return date.toISOString();
};

/** A list: plain JSON, JSON inside a string, or the way Python writes it (`"['a', 'b']"`). */
export const list: Field<unknown[]> = (value) => {
  const read = typeof value === "string" ? pythonLiteral(value) : value;
  if (!Array.isArray(read)) throw fault("a list", value);
  return read;
};

/** The columns by which a staged row names its user, until a step finds the user's id. */
export type UserReference = { readonly user_pk?: bigint; readonly user_name?: string; readonly user_handle?: string };

/** A user, by primary key or by natural key (`["name@example.com"]`). */
export const userReference: Field<UserReference> = (value) => {
  if (value === null) throw new Unfit("is null");
  if (!Array.isArray(value)) return { user_pk: key(value) };
  const [name, ...more] = value as unknown[];
  if (typeof name !== "string" || more.length > 0) throw fault("a user's id or natural key", value);
  const username = text(200)(name);
  return { user_name: username, user_handle: handleOf(username) };
};

/** A field that records may leave out: then a new row gets its default, and an existing one keeps what it has. */
export const optional =
  <T>(field: Field<T>): Field<T | undefined> =>
  (value) =>
    value === undefined ? undefined : field(value);

/** A field that may be null, and is then stored as null. */
export const nullable =
  <T>(field: Field<T>): Field<T | null> =>
  (value) =>
    value === null ? null : field(value);

/** A field whose null means something else; undefined means the same as if it were absent. */
export const nullAs =
  <T, N>(meaning: N, field: Field<T>): Field<T | N> =>
  (value) =>
    value === null ? meaning : field(value);
