/** Longest integer that is read digit by digit: as many as Python itself reads. */
const MAX_DIGITS = 4_300;

/**
 * A number of JSON as it is written: an integer that a number can't hold is a bigint. Anything else is the nearest number, as
 * wherever JSON is read.
 */
export const exactNumber = (source: string): number | bigint => {
  const nearest = Number(source);
  if (Number.isSafeInteger(nearest) || source.length > MAX_DIGITS || !/^-?\d+$/.test(source)) return nearest;
  return BigInt(source);
};

/** The text of a number is the third argument; the types of JSON.parse do not know it yet. */
const exactly = ((_: string, value: unknown, { source }: { source?: string }): unknown =>
  typeof value === "number" && source !== undefined ? exactNumber(source) : value) as (name: string, value: unknown) => unknown;

/** Matches the beginning of a number that may not be exact; digits inside of text are none. */
const LONG_NUMBER = /(?:^|[:,[\s])-?\d{16}/;

/**
 * Parses JSON with exact integers.
 * @throws SyntaxError; RangeError when it is nested too deeply for that.
 */
export const parseExactly = (text: string): unknown => (LONG_NUMBER.test(text) ? JSON.parse(text, exactly) : JSON.parse(text));
