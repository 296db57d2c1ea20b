import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** The most messages that one request may hold, at all depths. To decode and check one takes a microsecond and some, and nobody else's turn comes. */
const maxMessages = 50_000;

/** The size from which requests are looked at, in bytes: smaller ones can't hold that many. */
export const lookFromBytes = 2 * maxMessages;

/** The fields of a message type that hold messages: one, a list of them, or a map, whose entries are messages. */
const messageFields = new WeakMap<DescMessage, ReadonlyMap<number, DescMessage | undefined>>();

const heldBy = (field: DescField): DescMessage | undefined => (field.fieldKind === "map" ? undefined : field.message);

const fieldsOf = (desc: DescMessage): ReadonlyMap<number, DescMessage | undefined> => {
  const known = messageFields.get(desc);
  if (known !== undefined) return known;
  const fields = new Map(
    desc.fields.filter((field) => field.fieldKind === "map" || field.message !== undefined).map((field) => [field.number, heldBy(field)]),
  );
  messageFields.set(desc, fields);
  return fields;
};

type Part = { readonly desc: DescMessage; readonly from: number; readonly to: number };

/**
 * Tells whether an encoded message holds more than 50,000 messages. It reads tags and lengths alone, which takes a fraction of decoding. What is
 * malformed is left to the decoder.
 */
export const holdsTooManyMessages = (desc: DescMessage, bytes: Uint8Array): boolean => {
  if (bytes.byteLength < lookFromBytes) return false;
  const reader = new BinaryReader(bytes);
  const parts: Part[] = [{ desc, from: 0, to: bytes.byteLength }];
  let count = 0;
  try {
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      const fields = fieldsOf(part.desc);
      reader.pos = part.from;
      while (reader.pos < part.to) {
        const [number, type] = reader.tag();
        if (type !== WireType.LengthDelimited || !fields.has(number)) {
          reader.skip(type, number);
          continue;
        }
        count += 1;
        if (count > maxMessages) return true;
        const length = reader.uint32();
        const inner = fields.get(number);
        // What is shorter than two bytes holds no message.
        if (inner !== undefined && length > 1) parts.push({ desc: inner, from: reader.pos, to: reader.pos + length });
        reader.pos += length;
      }
    }
  } catch {
    return false;
  }
  return false;
};

const [quote, backslash, comma, brace] = [...'"\\,{'].map((character) => character.charCodeAt(0));

/** Tells the same of JSON, of which it counts objects, and what these and arrays hold. */
export const holdsTooManyValues = (json: Uint8Array): boolean => {
  if (json.byteLength < lookFromBytes) return false;
  let count = 0;
  let isText = false;
  for (let at = 0; at < json.byteLength; at += 1) {
    const byte = json[at];
    if (isText) {
      if (byte === backslash) at += 1;
      else if (byte === quote) isText = false;
    } else if (byte === quote) isText = true;
    else if (byte === comma || byte === brace) count += 1;
  }
  return count > 2 * maxMessages;
};
