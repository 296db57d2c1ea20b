import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";

/** The first and last moment of the years 1 to 9999, which protobuf's JSON and the database have, in milliseconds since the epoch. */
const FIRST_MS = -62_135_596_800_000;
const LAST_MS = 253_402_300_799_999;
/** The longest duration of protobuf, in seconds: about 10,000 years. */
const LONGEST = 315_576_000_000n;

const FIRST = BigInt(FIRST_MS / 1_000);
const LAST = BigInt(Math.floor(LAST_MS / 1_000));

/** Returns what is wrong with a timestamp, in words that follow the field's name; undefined = it is a moment of the years 1 to 9999. */
export const timestampFault = ({ seconds, nanos }: Timestamp): string | undefined => {
  if (seconds < FIRST || seconds > LAST) return "must be in the years 1 to 9999";
  return nanos < 0 || nanos > 999_999_999 ? "must have nanos from 0 to 999,999,999" : undefined;
};

/** Returns what is wrong with a duration, in words that follow the field's name; undefined = nothing. */
export const durationFault = ({ seconds, nanos }: Duration): string | undefined => {
  if (seconds < -LONGEST || seconds > LONGEST) return `must be at most ${LONGEST} seconds`;
  if (nanos < -999_999_999 || nanos > 999_999_999) return "must have nanos from -999,999,999 to 999,999,999";
  const isMixed = (seconds > 0n && nanos < 0) || (seconds < 0n && nanos > 0);
  return isMixed ? "must have seconds and nanos of one sign" : undefined;
};

/** Converts a timestamp to a Date, rounded down to the millisecond. The timestamp has to be checked already (`timestampFault`). */
export const momentOf = ({ seconds, nanos }: Timestamp): Date => new Date(Number(seconds) * 1_000 + Math.floor(nanos / 1_000_000));

/**
 * Converts a moment from the database to a Date: milliseconds since 1970, or text in UTC (`2026-01-31 12:00:00.5+00`, in JSON
 * `2026-01-31T12:00:00.5+00:00`). A moment outside the years 1 to 9999 becomes the first or last moment of these years.
 */
export const storedMoment = (text: string | number): Date => {
  if (typeof text === "number") return new Date(Math.min(Math.max(text, FIRST_MS), LAST_MS));
  if (text === "-infinity" || text.endsWith(" BC")) return new Date(FIRST_MS);
  // "infinity", and the years from 10000.
  if (text[4] !== "-") return new Date(LAST_MS);
  // V8 takes the years before 100 for ones of our time, unless they are written as ECMAScript writes them.
  return new Date(text[0] === "0" ? text.replace(" ", "T").replace(/\+00(:00)?$/, "Z") : text);
};

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:Z|[+-](\d\d):(\d\d))$/;

/**
 * Returns what is wrong with the text of a moment, in words that follow the field's name; undefined = it is RFC 3339, in the years 1 to 9999.
 */
export const momentTextFault = (text: string): string | undefined => {
  const [, year, month, day, hour, minute, second, offsetHour, offsetMinute] = (rfc3339.exec(text) ?? []).map(Number);
  if (year === undefined || month === undefined) return "must be a moment such as 2026-01-31T12:00:00Z";
  // Day 0 of the next month is the last one of this.
  const days = new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
  const isTime =
    month >= 1 && month <= 12 && inRange(day, 1, days) && inRange(hour, 0, 23) && inRange(minute, 0, 59) && inRange(second, 0, 59);
  if (!isTime || !(offsetHour === undefined || Number.isNaN(offsetHour) || (offsetHour <= 23 && inRange(offsetMinute, 0, 59)))) {
    return "must be a moment that exists";
  }
  const ms = Date.parse(text);
  return ms < FIRST_MS || ms > LAST_MS ? "must be in the years 1 to 9999" : undefined;
};

const inRange = (value: number | undefined, min: number, max: number): boolean => value !== undefined && value >= min && value <= max;

const durationText = /^-?(\d{1,12})(?:\.\d{1,9})?s$/;

/** Returns what is wrong with the text of a duration, in words that follow the field's name; undefined = it is seconds, such as `1.5s`. */
export const durationTextFault = (text: string): string | undefined => {
  const seconds = durationText.exec(text)?.[1];
  if (seconds === undefined) return "must be a number of seconds such as 1.5s";
  return BigInt(seconds) > LONGEST ? `must be at most ${LONGEST} seconds` : undefined;
};

/** Returns the moment that is `days` days after another one; a day has 24 hours. */
export const afterDays = (moment: Date, days: number): Date => new Date(moment.getTime() + days * 24 * 3_600_000);
