import { create, type DescField, type DescMessage, type DescOneof, type MessageInitShape, ScalarType, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { Edition, FeatureSet_FieldPresence, isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { encodedParts } from "../encoded.ts";

/** A function that writes a message, which may be a plain object with the message's fields. */
type WriteMessage = (writer: BinaryWriter, message: object) => void;

/** A function that writes a value that is there; `put` writes its content without a tag. */
type WriteValue = (writer: BinaryWriter, value: unknown) => void;

type Fields = Readonly<Record<string, unknown>>;

const { IMPLICIT, LEGACY_REQUIRED } = FeatureSet_FieldPresence;

/** The methods of a writer that write a scalar are named after its type. */
const putOf = (type: ScalarType): WriteValue => {
  const method = BinaryWriter.prototype[ScalarType[type].toLowerCase() as "int64"] as (this: BinaryWriter, value: unknown) => BinaryWriter;
  return (writer, value) => void method.call(writer, value);
};

const wireTypeOf = (type: ScalarType): WireType => {
  switch (type) {
    case ScalarType.BYTES:
    case ScalarType.STRING:
      return WireType.LengthDelimited;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    default:
      return WireType.Varint;
  }
};

/** Tells whether a scalar is the value that is not sent where fields have no presence. Of zeros only -0 is sent. */
const isZero = (value: unknown): boolean =>
  typeof value === "object" ? (value as Uint8Array).byteLength === 0 : !value && !Object.is(value, -0);

/** Tells whether a field is of a kind that an object holds as it is sent, which protobuf-es converts for others. */
const isPlain = (field: DescField): boolean => {
  if (field.fieldKind === "map" || field.presence === LEGACY_REQUIRED) return false;
  const { message: type, parent } = field;
  if (type === undefined) return true;
  if (type.typeName === "google.protobuf.Struct" && parent.typeName !== "google.protobuf.Value") return false;
  return !("delimitedEncoding" in field && field.delimitedEncoding) && (field.oneof !== undefined || !isWrapperDesc(type));
};

const writers = new WeakMap<DescMessage, WriteMessage>();

/** Returns the function that writes messages of a type, which is made when it is first asked for. */
const writerOf = (desc: DescMessage): WriteMessage => {
  const known = writers.get(desc);
  if (known !== undefined) return known;
  if (desc.file.edition !== Edition.EDITION_PROTO3) {
    const whole: WriteMessage = (writer, message) =>
      void writer.raw(toBinary(desc, create(desc, message as MessageInitShape<DescMessage>)));
    writers.set(desc, whole);
    return whole;
  }
  const fields: WriteMessage[] = [];
  const write: WriteMessage = (writer, message) => {
    for (const field of fields) field(writer, message);
  };
  // Before its fields: a type may hold itself.
  writers.set(desc, write);
  for (const field of desc.fields.toSorted((a, b) => a.number - b.number)) fields.push(fieldWriter(field));
  return write;
};

/** Makes the function that writes a message as a field. A frozen message is encoded once, and its bytes are written wherever it stands. */
const partWriter = (desc: DescMessage, number: number): WriteValue => {
  const [write, encoded] = [writerOf(desc), encodedParts(desc)];
  return (writer, value) => {
    const message = value as object;
    writer.tag(number, WireType.LengthDelimited);
    let bytes = encoded.get(message);
    if (bytes === undefined) {
      if (!Object.isFrozen(message)) {
        writer.fork();
        write(writer, message);
        writer.join();
        return;
      }
      const own = new BinaryWriter();
      write(own, message);
      bytes = own.finish();
      encoded.set(message, bytes);
    }
    writer.uint32(bytes.byteLength).raw(bytes);
  };
};

const scalarTypeOf = (field: DescField): ScalarType => ("scalar" in field && field.scalar !== undefined ? field.scalar : ScalarType.INT32);

const valueWriter = (field: DescField): WriteValue => {
  const { message: type, number } = field;
  if (type !== undefined) return partWriter(type, number);
  const scalar = scalarTypeOf(field);
  const [put, wireType] = [putOf(scalar), wireTypeOf(scalar)];
  return (writer, value) => {
    writer.tag(number, wireType);
    put(writer, value);
  };
};

const listWriter = (field: DescField & { fieldKind: "list" }): WriteMessage => {
  const { localName, number } = field;
  const listOf = (message: object) => ((message as Fields)[localName] ?? []) as readonly unknown[];
  if (field.packed) {
    const put = putOf(scalarTypeOf(field));
    return (writer, message) => {
      const list = listOf(message);
      if (list.length === 0) return;
      writer.tag(number, WireType.LengthDelimited).fork();
      for (const value of list) put(writer, value);
      writer.join();
    };
  }
  const write = valueWriter(field);
  return (writer, message) => {
    for (const value of listOf(message)) write(writer, value);
  };
};

const choiceWriter = (field: DescField, oneof: DescOneof): WriteMessage => {
  const write = valueWriter(field);
  return (writer, message) => {
    const choice = (message as Fields)[oneof.localName] as { readonly case?: string; readonly value?: unknown } | undefined;
    if (choice?.case === field.localName) write(writer, choice.value);
  };
};

/**
 * Makes the function that writes a field that protobuf-es converts, such as a Struct: a message with nothing but this field has its bytes. So the
 * other fields of its message, which may be one of hundreds, need neither a copy nor a writer of their own.
 */
const convertingWriter = (field: DescField): WriteMessage => {
  const { parent, oneof, localName } = field;
  const name = oneof === undefined ? localName : oneof.localName;
  return (writer, message) => {
    const value = (message as Fields)[name];
    if (value === undefined || value === null) return;
    if (oneof !== undefined && (value as { readonly case?: string }).case !== localName) return;
    writer.raw(toBinary(parent, create(parent, { [name]: value } as MessageInitShape<DescMessage>)));
  };
};

const fieldWriter = (field: DescField): WriteMessage => {
  if (!isPlain(field)) return convertingWriter(field);
  if (field.fieldKind === "list") return listWriter(field);
  if (field.oneof !== undefined) return choiceWriter(field, field.oneof);
  const write = valueWriter(field);
  const { localName } = field;
  const isLeftOut = field.presence === IMPLICIT ? isZero : () => false;
  return (writer, message) => {
    const value = (message as Fields)[localName];
    if (value !== undefined && value !== null && !isLeftOut(value)) write(writer, value);
  };
};

/** The largest answer after which the writer's buffer is used again, in bytes. */
const MAX_BUFFER_BYTES = 256 * 1024;

/** The writer of all answers, whose buffer grows once: a new one would grow and be copied with each answer. */
let shared = new BinaryWriter();

/**
 * Encodes a message, which may be a plain object with the message's fields, to the bytes that protobuf-es makes of it. Frozen messages inside it
 * are encoded once each.
 */
export const encodeWithParts = (desc: DescMessage, message: object): Uint8Array => {
  const writer = shared;
  // Not used again after an error, which leaves half a message in it.
  shared = new BinaryWriter();
  writerOf(desc)(writer, message);
  const bytes = writer.finish();
  if (bytes.byteLength <= MAX_BUFFER_BYTES) shared = writer;
  return bytes;
};
