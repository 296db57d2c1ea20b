/** Longest integer that is read digit by digit: as many as Python itself reads. */
const MAX_DIGITS = 4_300;

/**
 * Reads the text of a JSON number without rounding integers: one that a number can't hold exactly becomes a bigint. Anything else,
 * and an integer of more than 4,300 digits, becomes the nearest number, as wherever JSON is read.
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
 * Parses JSON without rounding integers: those that a number can't hold exactly become bigints.
 * @throws SyntaxError when the text is not JSON; RangeError when it is nested too deeply for that.
 */
export const parseExactly = (text: string): unknown => (LONG_NUMBER.test(text) ? JSON.parse(text, exactly) : JSON.parse(text));
