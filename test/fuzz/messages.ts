import { create, type DescField, type DescMessage, type Message, ScalarType, toBinary, toJson } from "@bufbuild/protobuf";
import { type ReflectList, type ReflectMap, reflect } from "@bufbuild/protobuf/reflect";
import type { Random } from "./random.ts";

const integers = [0n, 1n, 2n, 3n, -1n, 7n, 2n ** 31n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)] as const;
const doubles = [0, -0, 1, 1.5, -1, 1e308, 5e-324, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53] as const;
const texts = [
  "",
  "a",
  "theme",
  "__proto__",
  "constructor",
  "a b",
  "a\0b",
  "*",
  "user.name",
  "ann@example.com",
  "ANN@EXAMPLE.COM",
  "é",
  "İ",
  "\u{1f600}",
  "x".repeat(65),
  "x".repeat(300),
  "0b9d6fd0-6c9c-4d5b-9a6a-1c1f4a1ce111",
  "' or 1=1 --",
  "{}",
  "\ufeff",
] as const;

const scalar = (random: Random, type: ScalarType): unknown => {
  switch (type) {
    case ScalarType.BOOL:
      return random.chance(0.5);
    case ScalarType.STRING:
      return random.chance(0.2) ? random.bytes(random.below(40)).toString("utf8") : random.pick(texts);
    case ScalarType.BYTES:
      return random.bytes(random.below(40));
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return random.pick(doubles);
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return random.pick(integers);
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return BigInt.asUintN(64, random.pick(integers));
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return Number(BigInt.asUintN(32, random.pick(integers)));
    default:
      return Number(BigInt.asIntN(32, random.pick(integers)));
  }
};

const single = (random: Random, field: DescField, depth: number): unknown => {
  const of = field.fieldKind === "list" ? field.listKind : field.fieldKind === "map" ? field.mapKind : field.fieldKind;
  if (of === "enum") return random.below(6);
  if (of === "message" && field.message) return reflect(field.message, randomMessage(random, field.message, depth + 1));
  return scalar(random, field.scalar ?? ScalarType.STRING);
};

/** A message of the type, with the values that code stumbles over; it need not be valid. */
export const randomMessage = (random: Random, schema: DescMessage, depth = 0): Message => {
  const message = create(schema);
  const view = reflect(schema, message);
  for (const field of schema.fields) {
    if (!random.chance(depth > 4 ? 0.1 : depth > 0 ? 0.5 : 0.7)) continue;
    const count = random.chance(0.02) ? 1_100 : random.below(4);
    if (field.fieldKind === "list") {
      const list = view.get(field) as ReflectList;
      for (let index = 0; index < count; index += 1) list.add(single(random, field, depth));
    } else if (field.fieldKind === "map") {
      const map = view.get(field) as ReflectMap;
      map.set(scalar(random, field.mapKey) as string, single(random, field, depth));
    } else view.set(field, single(random, field, depth));
  }
  return message;
};

const spoil = (random: Random, bytes: Buffer): Buffer => {
  const at = random.below(bytes.length + 1);
  switch (random.below(6)) {
    case 0: {
      const flipped = Buffer.from(bytes);
      for (let flips = 1 + random.below(4); flips > 0 && flipped.length > 0; flips -= 1) {
        const index = random.below(flipped.length);
        flipped[index] = (flipped[index] ?? 0) ^ (1 << random.below(8));
      }
      return flipped;
    }
    case 1:
      return bytes.subarray(0, at);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(8)), bytes.subarray(at)]);
    case 3:
      return Buffer.concat([bytes, bytes]);
    // A varint that is too long, and a length that reaches beyond the end.
    case 4:
      return Buffer.concat([bytes.subarray(0, at), Buffer.alloc(11, 0xff), bytes.subarray(at)]);
    default:
      return Buffer.concat([bytes, Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x07])]);
  }
};

const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))]);

/** Field `number` of the message, holding itself so many times: `Value.list_value.values[0]…` for numbers 6 and 1. */
const nested = (random: Random): Buffer => {
  const levels = random.pick([20, 60, 120, 2_000, 10_000]);
  const number = 1 + random.below(8);
  // Built from the inside; the lengths come out reversed.
  const reversed: number[] = [];
  for (let level = 0; level < levels; level += 1) {
    const field = level % 2 === 0 ? 1 : 6;
    reversed.push(...varint(reversed.length).toReversed(), (field << 3) | 2);
  }
  const inner = Buffer.from(reversed.toReversed());
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(inner.length)]), inner]);
};

/** The binary form of a request: valid, spoilt, or nothing but noise. */
export const randomBinary = (random: Random, schema: DescMessage): Buffer => {
  const kind = random.below(10);
  if (kind === 0) return random.bytes(random.below(random.chance(0.1) ? 5_000 : 60));
  if (kind === 1 && random.chance(0.3)) return nested(random);
  const valid = Buffer.from(toBinary(schema, randomMessage(random, schema)));
  return kind < 6 ? valid : spoil(random, valid);
};

const jsonMutations: readonly [(text: string, random: Random) => string, ...((text: string, random: Random) => string)[]] = [
  (text) => text.replace(/\d+/, "1e400"),
  (text) => text.replace(/"[^"]*"/, '"\\ud800"'),
  (text) => text.replace("{", '{"__proto__":{"x":1},'),
  (text) => text.replace("{", '{"userId":{"a":1},"user":[],"key":7,"value":'),
  (text, random) => `${"[".repeat(random.pick([30, 200, 20_000]))}${text}`,
  (_, random) => {
    const levels = random.pick([30, 200, 20_000]);
    return `{"userId":"1","key":"k","value":${"[".repeat(levels)}${"]".repeat(levels)}}`;
  },
  (text, random) => text.slice(0, random.below(text.length)),
  (text) => text.replaceAll('"', "'"),
  (text) => `${text}${text}`,
  () => "null",
  () => "[]",
  () => '""',
];

/** The JSON form of a request: valid, spoilt, or nothing but noise. */
export const randomJson = (random: Random, schema: DescMessage): Buffer => {
  if (random.chance(0.1)) return random.bytes(random.below(60));
  let text = "{}";
  try {
    text = JSON.stringify(toJson(schema, randomMessage(random, schema)));
  } catch {
    // Not every message has a JSON form: a number that is not finite, a Value that holds nothing.
  }
  const bytes = Buffer.from(random.chance(0.5) ? text : random.pick(jsonMutations)(text, random));
  return random.chance(0.1) ? spoil(random, bytes) : bytes;
};
