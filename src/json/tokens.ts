import { type Cursor, malformed, refused } from "./cursor.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
/** The character codes by which a reader recognizes the next token: a string, an object, an array, null, true, false or a comma. */
export const code = { quote: QUOTE, brace: 0x7b, bracket: 0x5b, n: 0x6e, t: 0x74, f: 0x66, comma: 0x2c } as const;

/** Skips white space and returns the code of the next character, or NaN at the end of the text. */
export const peek = (cursor: Cursor): number => {
  const { text } = cursor;
  for (;;) {
    const next = text.charCodeAt(cursor.at);
    if (next !== SPACE && next !== 0x0a && next !== 0x0d && next !== 0x09) return next;
    cursor.at += 1;
  }
};

/** Goes past the character that has to stand at the cursor. */
const take = (cursor: Cursor, wanted: number): void => {
  if (peek(cursor) !== wanted) throw malformed(cursor);
  cursor.at += 1;
};

/** Moves the cursor behind a word, such as `null`. Throws DomainError if the word does not stand at the cursor. */
export const takeWord = (cursor: Cursor, word: string): void => {
  if (!cursor.text.startsWith(word, cursor.at)) throw malformed(cursor);
  cursor.at += word.length;
};

/** Moves the cursor behind `null` and returns true; returns false if no `null` stands at the cursor. */
export const takeNull = (cursor: Cursor): boolean => {
  if (peek(cursor) !== code.n) return false;
  takeWord(cursor, "null");
  return true;
};

const unescaped = (cursor: Cursor, quoted: string): string => {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    throw malformed(cursor);
  }
};

/**
 * Reads the string at the cursor, and returns the text without quotes and escapes. Throws DomainError for half a surrogate pair or invalid
 * UTF-8.
 */
export const readString = (cursor: Cursor): string => {
  if (peek(cursor) !== QUOTE) throw malformed(cursor);
  const { text, at } = cursor;
  let end = at + 1;
  let isEscaped = false;
  for (;;) {
    const next = text.charCodeAt(end);
    if (next === QUOTE) break;
    // Also at the end of the text, where the code is NaN.
    if (!(next >= SPACE)) throw malformed(cursor);
    if (next === BACKSLASH) isEscaped = true;
    end += next === BACKSLASH ? 2 : 1;
  }
  const read = isEscaped ? unescaped(cursor, text.slice(at, end + 1)) : text.slice(at + 1, end);
  if (isEscaped && !read.isWellFormed()) throw refused(cursor, "holds half of a surrogate pair, which is no character");
  if (cursor.isLossy && read.includes("\ufffd")) throw refused(cursor, "holds bytes that are not UTF-8");
  cursor.at = end + 1;
  return read;
};

const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

/** Reads the number at the cursor, and returns its text. Throws DomainError if no number stands at the cursor. */
export const readNumber = (cursor: Cursor): string => {
  number.lastIndex = cursor.at;
  const read = number.exec(cursor.text)?.[0];
  if (read === undefined) throw malformed(cursor);
  cursor.at += read.length;
  return read;
};

/** Reads what stands between two brackets, calling `read` for each member or item. */
const eachBetween = (cursor: Cursor, [open, close]: readonly [number, number], read: () => void): void => {
  take(cursor, open);
  if (peek(cursor) === close) {
    cursor.at += 1;
    return;
  }
  for (;;) {
    read();
    if (peek(cursor) !== code.comma) break;
    cursor.at += 1;
  }
  take(cursor, close);
};

/** Reads an object, and calls `read` with the name of each member. `read` has to move the cursor behind the member's value. */
export const eachMember = (cursor: Cursor, read: (name: string) => void): void =>
  eachBetween(cursor, [code.brace, 0x7d], () => {
    const name = readString(cursor);
    take(cursor, 0x3a);
    read(name);
  });

/** Reads an array, and calls `read` for each item. `read` has to move the cursor behind the item. */
export const eachItem = (cursor: Cursor, read: () => void): void => {
  let index = 0;
  eachBetween(cursor, [code.bracket, 0x5d], () => {
    cursor.path.push(index);
    read();
    cursor.path.pop();
    index += 1;
  });
};

/** Checks that only white space follows the cursor in the text. Throws DomainError if anything else does. */
export const assertEnd = (cursor: Cursor): void => {
  if (!Number.isNaN(peek(cursor))) throw malformed(cursor);
};
