import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { invalidField } from "./errors.ts";

/** The years 1 to 9999, which protobuf's JSON and the database both hold, in seconds. */
const FIRST = -62_135_596_800n;
const LAST = 253_402_300_799n;

/**
 * The moment that a timestamp of a request names. The binary format lets any seconds through, and the rules of the proto
 * fail on what is no time at all.
 * @throws INVALID_ARGUMENT FIELD_INVALID, naming the field.
 */
export const momentOf = (timestamp: Timestamp, field: string): Date => {
  const { seconds, nanos } = timestamp;
  if (seconds < FIRST || seconds > LAST || nanos < 0 || nanos > 999_999_999) throw invalidField(field, "must be in the years 1 to 9999");
  return timestampDate(timestamp);
};
