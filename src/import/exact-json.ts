/** The most digits of an integer that is read exactly: as many as Python itself reads. */
const MAX_DIGITS = 4_300;

/**
 * Converts the text of a JSON number to a number, or to a bigint if it is an integer that a number can't hold exactly. An integer of more
 * than 4,300 digits becomes Infinity.
 */
export const exactNumber = (source: string): number | bigint => {
  const nearest = Number(source);
  if (Number.isSafeInteger(nearest) || source.length > MAX_DIGITS || !/^-?\d+$/.test(source)) return nearest;
  return BigInt(source);
};

/** A reviver: its third argument has the text of a number, which the types of JSON.parse do not know yet. */
const exactly = ((_: string, value: unknown, { source }: { source?: string }): unknown =>
  typeof value === "number" && source !== undefined ? exactNumber(source) : value) as (name: string, value: unknown) => unknown;

/** Matches the beginning of a number that may be rounded: one of 16 digits or more. */
const LONG_NUMBER = /(?:^|[:,[\s])-?\d{16}/;

/** Parses JSON. Integers that a number can't hold exactly become bigints. Throws SyntaxError, and RangeError for too deep nesting. */
export const parseExactly = (text: string): unknown => (LONG_NUMBER.test(text) ? JSON.parse(text, exactly) : JSON.parse(text));
