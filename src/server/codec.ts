import {
  create,
  type DescMessage,
  fromBinary,
  type Message,
  type MessageInitShape,
  type MessageShape,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { encodedOf, keepEncoded } from "../encoded.ts";
import { DomainError, exhausted } from "../errors.ts";
import { tooLarge, tooMany } from "./bodies.ts";
import { encodeWithParts } from "./encoder.ts";
import { holdsTooManyMessages } from "./message-count.ts";
import { type Codec, maxResponseBytes, type Rpc } from "./rpc.ts";

/** Decodes a protobuf message. Throws DomainError FIELD_INVALID when it is malformed, or nested deeper than 100 levels (protobuf-es's limit). */
export const decodeMessage = <D extends DescMessage>(schema: D, bytes: Uint8Array): MessageShape<D> => {
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch (cause) {
    throw new DomainError("Invalid", "FIELD_INVALID", `The request is not a well-formed ${schema.typeName}.`, { cause });
  }
};

/** Tells whether a message of a type can hold `bytes`, which are not copied out of what the message was decoded from. */
export const holdsBytes = (desc: DescMessage, seen = new Set<DescMessage>()): boolean => {
  if (seen.has(desc)) return false;
  seen.add(desc);
  return desc.fields.some(
    (field) => ("scalar" in field && field.scalar === ScalarType.BYTES) || (field.message !== undefined && holdsBytes(field.message, seen)),
  );
};

/** Returns the same bytes as a Buffer, which grpc-js demands. */
export const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Makes the protobuf message of an operation's response: either a message already, or a plain object with the message's fields. */
export const toMessage = (schema: DescMessage, literal: object): Message =>
  "$typeName" in literal ? (literal as Message) : create(schema, literal as MessageInitShape<DescMessage>);

/** Checks that an encoded response is at most 3 MiB. Throws DomainError RESPONSE_TOO_LARGE when it is larger. */
export const assertResponseSize = ({ byteLength }: Uint8Array): void => {
  if (byteLength > maxResponseBytes) {
    throw exhausted("RESPONSE_TOO_LARGE", `The response is larger than ${maxResponseBytes} bytes: ask for fewer.`);
  }
};

/** Makes the codec of an RPC, which decodes requests from bytes and encodes responses to bytes. Both have a size limit. */
export const byteCodec = ({ method, maxRequestBytes }: Rpc): Codec => ({
  decode: (received) => {
    const bytes = received as Uint8Array;
    if (bytes.byteLength > maxRequestBytes) {
      throw tooLarge(maxRequestBytes);
    }
    if (holdsTooManyMessages(method.input, bytes)) throw tooMany();
    return decodeMessage(method.input, bytes);
  },
  encode: (response) => {
    const known = encodedOf(response);
    if (known !== undefined) return known;
    const isFinal = Object.isFrozen(response);
    // Of what is kept as a whole no part is kept besides.
    const bytes = asBuffer(
      isFinal ? toBinary(method.output, toMessage(method.output, response)) : encodeWithParts(method.output, response),
    );
    assertResponseSize(bytes);
    if (isFinal) keepEncoded(response, bytes);
    return bytes;
  },
});
