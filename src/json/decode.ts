import type { DescMessage } from "@bufbuild/protobuf";
import { type Cursor, cursorOf } from "./cursor.ts";
import { messageRead } from "./messages.ts";
import { assertEnd } from "./tokens.ts";

const strict = new TextDecoder("utf-8", { fatal: true });
const lossy = new TextDecoder();

const textOf = (bytes: Uint8Array): Cursor => {
  try {
    return cursorOf(strict.decode(bytes));
  } catch {
    return cursorOf(lossy.decode(bytes), true);
  }
};

/** The text with quotes around the integers that `JSON.parse` would round: as strings they are exact. */
const quoted = ({ text, rounded }: Cursor): string => {
  if (rounded.length === 0) return text;
  const cuts = [0, ...rounded, text.length];
  return cuts
    .slice(1)
    .map((end, index) => text.slice(cuts[index], end))
    .join('"');
};

const checked = (desc: DescMessage, cursor: Cursor): string => {
  messageRead(desc)(cursor);
  assertEnd(cursor);
  return quoted(cursor);
};

/**
 * Checks the JSON of a message more strictly than protobuf's reader, and returns the text for that reader. Every member has to be a field of the
 * message, occur once and have the field's type; integers have to be decimal digits.
 * @throws DomainError FIELD_INVALID with the path of the wrong value.
 */
export const checkJson = (desc: DescMessage, text: string): string => checked(desc, cursorOf(text));

/** Decodes the JSON of a message from UTF-8, and checks and returns the text as `checkJson` does. */
export const decodeJson = (desc: DescMessage, bytes: Uint8Array): string => checked(desc, textOf(bytes));
