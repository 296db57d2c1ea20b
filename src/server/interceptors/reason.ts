import { invalidField } from "../../errors.ts";

/** The header with the reason of a change. */
const REASON_HEADER = "x-change-reason";
/** The most characters of a reason. */
const MAX_REASON = 256;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Decodes a header's value, of which Node.js makes one character per byte. */
const decoded = (value: string): string => {
  if (/^[\x20-\x7e]*$/.test(value)) return value;
  try {
    return utf8.decode(Buffer.from(value, "latin1"));
  } catch {
    throw invalidField(REASON_HEADER, "is not in UTF-8");
  }
};

/**
 * Reads the reason of a change from the header `x-change-reason`; undefined = there is none.
 * @throws INVALID_ARGUMENT FIELD_INVALID for more than 256 characters, or for control characters.
 */
export const readReason = (header: (name: string) => string | undefined): string | undefined => {
  const sent = header(REASON_HEADER);
  if (sent === undefined || sent === "") return undefined;
  const reason = decoded(sent);
  if (/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(reason)) throw invalidField(REASON_HEADER, "has control characters");
  if ([...reason].length > MAX_REASON) throw invalidField(REASON_HEADER, `has more than ${MAX_REASON} characters`);
  return reason;
};
