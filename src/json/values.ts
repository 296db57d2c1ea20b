import { type Cursor, enter, refused, refusedMember } from "./cursor.ts";
import { readDouble } from "./numbers.ts";
import { code, eachItem, eachMember, peek, readString, takeNull, takeWord } from "./tokens.ts";

/** Checks the JSON object at the cursor, a google.protobuf.Struct with any members, and moves the cursor behind the object. */
export const readStruct = (cursor: Cursor): void => {
  if (peek(cursor) !== code.brace) throw refused(cursor, "must be an object");
  const seen = new Set<string>();
  eachMember(cursor, (name) => {
    if (seen.has(name)) throw refusedMember(cursor, name, "stands there twice");
    seen.add(name);
    cursor.path.push([name]);
    readValue(cursor);
    cursor.path.pop();
  });
};

/** Checks the JSON array at the cursor, a google.protobuf.ListValue with any items, and moves the cursor behind the array. */
export const readList = (cursor: Cursor): void => {
  if (peek(cursor) !== code.bracket) throw refused(cursor, "must be an array");
  eachItem(cursor, () => readValue(cursor));
};

/** Moves the cursor behind `true` or `false`. Throws DomainError if neither stands at the cursor. */
export const readBoolean = (cursor: Cursor): void => {
  const next = peek(cursor);
  if (next !== code.t && next !== code.f) throw refused(cursor, "must be true or false");
  takeWord(cursor, next === code.t ? "true" : "false");
};

/** Checks the JSON value at the cursor, a google.protobuf.Value of any type, and moves the cursor behind the value. */
export const readValue = (cursor: Cursor): void => {
  enter(cursor);
  const next = peek(cursor);
  if (next === code.quote) readString(cursor);
  else if (next === code.brace) readStruct(cursor);
  else if (next === code.bracket) readList(cursor);
  else if (next === code.t || next === code.f) readBoolean(cursor);
  else if (!takeNull(cursor)) readDouble(cursor);
  cursor.depth -= 1;
};
