import { type DescEnum, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { durationTextFault, momentTextFault } from "../moment.ts";
import { type Cursor, refused } from "./cursor.ts";
import { assertInteger, isInteger, readFloat, readInteger } from "./numbers.ts";
import { code, peek, readString, takeNull } from "./tokens.ts";
import { readBoolean, readList, readStruct, readValue } from "./values.ts";

/**
 * A function that checks the value at the cursor, and moves the cursor behind it. Throws DomainError FIELD_INVALID with the path of the value.
 */
export type Read = (cursor: Cursor) => void;

const text = (cursor: Cursor): string => {
  if (peek(cursor) !== code.quote) throw refused(cursor, "must be a string");
  return readString(cursor);
};

/** The pattern of base64 in both alphabets, with or without padding, as protobuf takes it. */
const base64 = /^[\w+/-]*={0,2}$/;

const readBytes: Read = (cursor) => {
  const read = text(cursor);
  if (!base64.test(read) || read.replace(/=+$/, "").length % 4 === 1) throw refused(cursor, "must be base64");
};

/** Returns the reader that checks values of a scalar type, such as string or int64. */
export const scalarRead = (type: ScalarType): Read => {
  if (isInteger(type)) return readInteger(type);
  if (type === ScalarType.BOOL) return readBoolean;
  if (type === ScalarType.STRING) return text;
  return type === ScalarType.BYTES ? readBytes : readFloat;
};

/** Makes the function that checks that a key of a map is of the given type; JSON always writes keys as strings. */
export const keyCheck =
  (type: ScalarType) =>
  (cursor: Cursor, name: string): void => {
    if (isInteger(type)) assertInteger(cursor, type, name);
    else if (type === ScalarType.BOOL && name !== "true" && name !== "false") throw refused(cursor, "must be true or false");
  };

/** The most names of an enum that an error lists. */
const MAX_NAMES = 20;

/** Makes the reader of an enum, which accepts a known name or any number, since a client with a newer proto may send new numbers. */
export const enumRead = ({ typeName, values }: DescEnum): Read => {
  const names = new Set(values.flatMap(({ name, jsonName }) => [name, jsonName]));
  const readNumber = readInteger(ScalarType.INT32);
  const choice = names.size > MAX_NAMES ? `a name of ${typeName}` : `one of ${values.map(({ name }) => name).join(", ")}`;
  return (cursor) => {
    if (typeName === "google.protobuf.NullValue" && takeNull(cursor)) return;
    const next = peek(cursor);
    if (next === code.quote) {
      if (!names.has(readString(cursor))) throw refused(cursor, `must be ${choice}`);
    } else if (next === 0x2d || (next >= 0x30 && next <= 0x39)) readNumber(cursor);
    else throw refused(cursor, `must be ${choice}`);
  };
};

/** Makes the reader of a text in which `faultOf` finds no fault. */
const checkedText =
  (faultOf: (read: string) => string | undefined): Read =>
  (cursor) => {
    const fault = faultOf(text(cursor));
    if (fault !== undefined) throw refused(cursor, fault);
  };

const paths = /^$|^[A-Za-z0-9.*]+(?:,[A-Za-z0-9.*]+)*$/;

const maskFault = (read: string): string | undefined =>
  paths.test(read) ? undefined : "must be names of fields in lowerCamelCase, separated by commas";

const wellKnown: ReadonlyMap<string, Read> = new Map([
  ["google.protobuf.Timestamp", checkedText(momentTextFault)],
  ["google.protobuf.Duration", checkedText(durationTextFault)],
  ["google.protobuf.FieldMask", checkedText(maskFault)],
  ["google.protobuf.Value", readValue],
  ["google.protobuf.ListValue", readList],
  ["google.protobuf.Struct", readStruct],
  // What it holds depends on its type, which only protobuf's reader knows.
  ["google.protobuf.Any", readStruct],
]);

/** Returns the reader of a message type that has a JSON form of its own, such as Timestamp; undefined for all others. */
export const wellKnownRead = (desc: DescMessage): Read | undefined => {
  if (!isWrapperDesc(desc)) return wellKnown.get(desc.typeName);
  const read = scalarRead(desc.fields[0].scalar);
  return (cursor) => takeNull(cursor) || read(cursor);
};
