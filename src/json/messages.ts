import type { DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
import { type Cursor, enter, refused, refusedMember } from "./cursor.ts";
import { enumRead, keyCheck, type Read, scalarRead, wellKnownRead } from "./scalars.ts";
import { code, eachItem, eachMember, peek, takeNull } from "./tokens.ts";

const reads = new WeakMap<DescMessage, Read>();

/** Returns the reader that checks the JSON of a message type. The reader is made once per type. */
export const messageRead = (desc: DescMessage): Read => {
  const known = reads.get(desc);
  if (known !== undefined) return known;
  const read = wellKnownRead(desc) ?? ordinaryRead(desc);
  reads.set(desc, read);
  return read;
};

/** Tells whether null is a value of the type. For fields of all other types null means that they are absent. */
const takesNull = (typeName: string): boolean => typeName === "google.protobuf.Value" || typeName === "google.protobuf.NullValue";

const orNull =
  (read: Read): Read =>
  (cursor) =>
    takeNull(cursor) || read(cursor);

/** The reader of a message type, made when it is first called, since a type may hold itself. */
const lazily = (desc: DescMessage): Read => {
  let read: Read | undefined;
  return (cursor) => {
    read ??= messageRead(desc);
    read(cursor);
  };
};

/** The reader of a field's value, or of one item of its list or map. */
const itemRead = (field: DescField): Read => {
  if (field.message !== undefined) return lazily(field.message);
  return field.enum === undefined ? scalarRead(field.scalar) : enumRead(field.enum);
};

const listRead =
  (read: Read): Read =>
  (cursor) => {
    if (peek(cursor) !== code.bracket) throw refused(cursor, "must be an array");
    eachItem(cursor, () => read(cursor));
  };

const mapRead = (field: DescField & { fieldKind: "map" }): Read => {
  const read = itemRead(field);
  const check = keyCheck(field.mapKey);
  return (cursor) => {
    if (peek(cursor) !== code.brace) throw refused(cursor, "must be an object");
    const seen = new Set<string>();
    eachMember(cursor, (name) => {
      cursor.path.push([name]);
      check(cursor, name);
      if (seen.has(name)) throw refused(cursor, "stands there twice");
      seen.add(name);
      read(cursor);
      cursor.path.pop();
    });
  };
};

const fieldRead = (field: DescField): Read => {
  const read = itemRead(field);
  if (field.fieldKind === "list") return orNull(listRead(read));
  if (field.fieldKind === "map") return orNull(mapRead(field));
  const type = field.message ?? field.enum;
  return type !== undefined && takesNull(type.typeName) ? read : orNull(read);
};

/** A name without its case and underscores: `projectID` and `project_id` are meant to be one. */
const folded = (name: string): string => name.replaceAll("_", "").toLowerCase();

const unknownField = (cursor: Cursor, { fields, typeName }: DescMessage, name: string) => {
  const meant = fields.find((field) => folded(field.name) === folded(name));
  const hint = meant === undefined ? "" : `; its name is ${meant.jsonName}`;
  return refusedMember(cursor, name, `is not a field of ${typeName}${hint}`);
};

type Field = { readonly desc: DescField; readonly oneof: DescOneof | undefined; readonly read: Read };

const ordinaryRead = (desc: DescMessage): Read => {
  // Keyed by both names that a field has in protobuf's JSON.
  const fields = new Map<string, Field>();
  for (const field of desc.fields) {
    const entry = { desc: field, oneof: field.oneof, read: fieldRead(field) };
    fields.set(field.name, entry).set(field.jsonName, entry);
  }
  return (cursor) => {
    enter(cursor);
    if (peek(cursor) !== code.brace) throw refused(cursor, "must be an object");
    const seen: (DescField | DescOneof)[] = [];
    eachMember(cursor, (name) => {
      const field = fields.get(name);
      if (field === undefined) throw unknownField(cursor, desc, name);
      cursor.path.push(field.desc.name);
      if (seen.includes(field.desc)) throw refused(cursor, "stands there twice");
      seen.push(field.desc);
      // Null resets a scalar; all else of a oneof it sets, as protobuf reads it.
      if (field.oneof !== undefined && !(field.desc.fieldKind === "scalar" && peek(cursor) === code.n)) {
        if (seen.includes(field.oneof)) throw refused(cursor, `can't be set together with another one of ${field.oneof.name}`);
        seen.push(field.oneof);
      }
      field.read(cursor);
      cursor.path.pop();
    });
    cursor.depth -= 1;
  };
};
