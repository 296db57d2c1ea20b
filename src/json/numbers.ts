import { ScalarType } from "@bufbuild/protobuf";
import { type Cursor, refused } from "./cursor.ts";
import { code, peek, readNumber, readString } from "./tokens.ts";

const int = (bits: bigint) => ({ min: -(2n ** (bits - 1n)), max: 2n ** (bits - 1n) - 1n });
const uint = (bits: bigint) => ({ min: 0n, max: 2n ** bits - 1n });

/** The least and the largest number of each type of integers. */
const ranges: ReadonlyMap<ScalarType, { readonly min: bigint; readonly max: bigint }> = new Map([
  ...[ScalarType.INT32, ScalarType.SINT32, ScalarType.SFIXED32].map((type) => [type, int(32n)] as const),
  ...[ScalarType.UINT32, ScalarType.FIXED32].map((type) => [type, uint(32n)] as const),
  ...[ScalarType.INT64, ScalarType.SINT64, ScalarType.SFIXED64].map((type) => [type, int(64n)] as const),
  ...[ScalarType.UINT64, ScalarType.FIXED64].map((type) => [type, uint(64n)] as const),
]);

const digits = /^-?[0-9]+$/;
/** The most digits of integers that a double always holds exactly. */
const EXACT_DIGITS = 15;

/** Checks the text of an integer. Throws DomainError when it is no integer, or not in the range of the type. */
export const assertInteger = (cursor: Cursor, type: ScalarType, text: string): void => {
  if (!digits.test(text)) throw refused(cursor, "must be a whole number in decimal digits");
  const range = ranges.get(type);
  // A million digits are not worth their reading.
  const value = text.length > 40 ? undefined : BigInt(text);
  if (range === undefined || value === undefined || value < range.min || value > range.max) {
    throw refused(cursor, `must be from ${range?.min} to ${range?.max}`);
  }
};

/** Makes the reader of an integer type, which accepts decimal digits as a JSON number or in a string. */
export const readInteger =
  (type: ScalarType) =>
  (cursor: Cursor): void => {
    const isText = peek(cursor) === code.quote;
    const { at } = cursor;
    const text = isText ? readString(cursor) : readAnyNumber(cursor);
    assertInteger(cursor, type, text);
    if (!isText && text.length > EXACT_DIGITS) cursor.rounded.push(at, cursor.at);
  };

/** Tells whether a scalar type is one of the integer types. */
export const isInteger = (type: ScalarType): boolean => ranges.has(type);

const readAnyNumber = (cursor: Cursor): string => {
  const next = peek(cursor);
  const isNumber = next === 0x2d || (next >= 0x30 && next <= 0x39);
  if (!isNumber) throw refused(cursor, "must be a number");
  return readNumber(cursor);
};

/** The most characters of a number: more than the longest double takes when it is written out. */
const MAX_NUMBER = 1_100;
const parts = /^-?([0-9]+)(?:\.([0-9]+))?(?:e([+-]?[0-9]+))?$/i;

/** Takes a number apart: its digits, and the power of ten after them. */
const decimalOf = (text: string): { readonly digits: string; readonly exponent: number } => {
  const [, whole = "", fraction = "", exponent = "0"] = parts.exec(text) ?? [];
  const all = (whole + fraction).replace(/^0+/, "");
  const significant = all.replace(/0+$/, "");
  return { digits: significant, exponent: Number(exponent) - fraction.length + all.length - significant.length };
};

/** Checks that a double holds a number. Throws DomainError for a whole number that would be rounded; a fraction may be. */
const assertHeld = (cursor: Cursor, text: string): void => {
  if (text.length <= EXACT_DIGITS && !/e/i.test(text)) return;
  if (text.length > MAX_NUMBER) throw refused(cursor, "is a number of too many digits");
  const value = Number(text);
  if (!Number.isFinite(value)) throw refused(cursor, "is a number larger than a double holds (about 1.8e308)");
  const sent = decimalOf(text);
  if (value === 0 && sent.digits !== "") throw refused(cursor, "is a number smaller than a double holds (about 5e-324)");
  if (value === 0) return;
  // Programs write a double with up to 17 digits and a power of ten; not all of them find the shortest form.
  if (/e/i.test(text) && sent.digits.length <= 17) return;
  const kept = decimalOf(String(value));
  if (sent.exponent >= 0 && (kept.digits !== sent.digits || kept.exponent !== sent.exponent)) {
    throw refused(cursor, "is a whole number that a double does not hold exactly: send it as a string");
  }
};

/** Checks that a double can hold the number at the cursor, as in a google.protobuf.Value, and moves the cursor behind the number. */
export const readDouble = (cursor: Cursor): void => assertHeld(cursor, readAnyNumber(cursor));

const named = new Set(["NaN", "Infinity", "-Infinity"]);

/**
 * Checks the value at the cursor, of a double or float field, and moves the cursor behind the value. Accepts a number, a number in a string,
 * "NaN", "Infinity" and "-Infinity".
 */
export const readFloat = (cursor: Cursor): void => {
  const text = peek(cursor) === code.quote ? readString(cursor) : readAnyNumber(cursor);
  if (named.has(text)) return;
  if (!parts.test(text)) throw refused(cursor, "must be a number");
  assertHeld(cursor, text);
};
