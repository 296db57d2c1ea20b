import { type DescField, type DescMessage, fromJsonString, type JsonObject, type JsonValue, ScalarType, toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { families } from "../../src/contract/kinds/families.ts";
import { DomainError } from "../../src/errors.ts";
import { ChangeService } from "../../src/gen/userd/v1/change_service_pb.ts";
import { OrganizationService } from "../../src/gen/userd/v1/organization_service_pb.ts";
import { ProfileService } from "../../src/gen/userd/v1/profile_service_pb.ts";
import { UserOptionService } from "../../src/gen/userd/v1/user_option_service_pb.ts";
import { UserService } from "../../src/gen/userd/v1/user_service_pb.ts";
import { checkJson } from "../../src/json/decode.ts";

const services = [UserService, UserOptionService, OrganizationService, ProfileService, ChangeService, ...families];
const rpcs = services.flatMap((service) => service.methods.map((method) => [`${service.name}/${method.name}`, method.input] as const));

/** Per RPC: with 126 of them, well over a thousand in all. */
const RUNS = 6;
const MAX_DEPTH = 3;

/** JSON that protobuf's own types have a form of their own for. */
const wellKnown: Readonly<Record<string, fc.Arbitrary<JsonValue>>> = {
  "google.protobuf.Timestamp": fc
    .date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true })
    .map((date) => date.toISOString()),
  "google.protobuf.Duration": fc.integer({ min: 0, max: 1e6 }).map((seconds) => `${seconds}s`),
  "google.protobuf.FieldMask": fc.constantFrom("", "*", "name", "displayName,email"),
  "google.protobuf.Value": fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<JsonValue>,
  "google.protobuf.Struct": fc.dictionary(fc.string(), fc.integer()) as fc.Arbitrary<JsonValue>,
};

const scalar = (type: ScalarType): fc.Arbitrary<JsonValue> => {
  if (type === ScalarType.BOOL) return fc.boolean();
  if (type === ScalarType.STRING) return fc.string({ unit: "grapheme" });
  if (type === ScalarType.INT64) return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
  if (type === ScalarType.INT32) return fc.integer();
  if (type === ScalarType.DOUBLE) return fc.double({ noNaN: true, noDefaultInfinity: true });
  throw new Error(`No request has had a field of this type: ${ScalarType[type]}`);
};

const single = (field: DescField, depth: number): fc.Arbitrary<JsonValue> => {
  if (field.enum !== undefined) return fc.constantFrom(...field.enum.values.map(({ name }) => name));
  if (field.message !== undefined) return wellKnown[field.message.typeName] ?? object(field.message, depth + 1);
  return scalar(field.scalar);
};

const fieldValue = (field: DescField, depth: number): fc.Arbitrary<JsonValue> =>
  field.fieldKind === "list" ? fc.array(single(field, depth), { maxLength: 3 }) : single(field, depth);

/** The JSON of a message, with some of its fields, by either name, and one of each oneof. */
const object = (desc: DescMessage, depth = 0): fc.Arbitrary<JsonObject> => {
  const fields = desc.fields.filter(({ message }) => depth < MAX_DEPTH || message === undefined);
  return fc
    .subarray(fields)
    .map((some) => some.filter(({ oneof }, index) => oneof === undefined || some.findIndex((other) => other.oneof === oneof) === index))
    .chain((some) =>
      fc
        .tuple(...some.map((field) => fc.tuple(fc.constantFrom(field.name, field.jsonName), fieldValue(field, depth))))
        .map((entries) => Object.fromEntries(entries)),
    );
};

/** A place in the JSON of a message: the object, its type, and where it stands. */
type Place = { readonly object: JsonObject; readonly desc: DescMessage; readonly path: string };

/** Every message in the JSON of one. */
const placesIn = (json: JsonObject, desc: DescMessage, path = ""): Place[] => {
  const below = Object.entries(json).flatMap(([name, value]) => {
    const field = desc.fields.find((known) => known.name === name || known.jsonName === name);
    if (field?.message === undefined || field.message.typeName in wellKnown) return [];
    const at = path === "" ? field.name : `${path}.${field.name}`;
    const type = field.message;
    return Array.isArray(value)
      ? value.flatMap((item, index) => placesIn(item as JsonObject, type, `${at}[${index}]`))
      : placesIn(value as JsonObject, type, at);
  });
  return [{ object: json, desc, path }, ...below];
};

const under = (path: string, name: string): string => (path === "" ? name : `${path}.${name}`);

/** Where a text is refused; undefined when it is not. */
const refusedAt = (desc: DescMessage, text: string): string | undefined => {
  try {
    checkJson(desc, text);
    return undefined;
  } catch (error) {
    if (!(error instanceof DomainError) || error.reason !== "FIELD_INVALID") throw error;
    return error.violations[0]?.field ?? "";
  }
};

/** A value that a field never takes, whatever its type is. */
const wrongFor = (field: DescField): JsonValue => {
  if (field.fieldKind === "list") return { no: "list" };
  if (field.message !== undefined)
    return field.message.typeName === "google.protobuf.Struct" || !(field.message.typeName in wellKnown) ? [1] : 1.5;
  return field.scalar === ScalarType.STRING ? 1 : field.scalar === ScalarType.BOOL ? "true" : "wrong";
};

const isAnything = ({ message, fieldKind }: DescField): boolean => message?.typeName === "google.protobuf.Value" && fieldKind !== "list";

const name = fc.stringMatching(/^[A-Za-z]\w{0,20}$/);

describe.for(rpcs)("the JSON of %s", ([, input]) => {
  test("is taken as it is written, and read as what it says", () => {
    fc.assert(
      fc.property(object(input), (json) => {
        const text = JSON.stringify(json);
        const message = fromJsonString(input, checkJson(input, text));
        const again = toJson(input, message);
        expect(toJson(input, fromJsonString(input, checkJson(input, JSON.stringify(again))))).toEqual(again);
      }),
      { numRuns: RUNS },
    );
  });

  test("with a field added, renamed or of another type is refused at its place", () => {
    fc.assert(
      fc.property(
        object(input),
        fc.nat(),
        fc.nat(),
        name,
        fc.constantFrom("add", "rename", "retype"),
        (json, which, whichField, strange, how) => {
          const places = placesIn(json, input);
          const { object: at, desc, path } = places[which % places.length] as Place;
          fc.pre(!desc.fields.some((field) => field.name === strange || field.jsonName === strange));
          const names = Object.keys(at);
          const old = names[whichField % Math.max(1, names.length)];
          const field = desc.fields.find((known) => known.name === old || known.jsonName === old);
          let place = under(path, strange);
          if (how === "add" || old === undefined || field === undefined) at[strange] = 1;
          else if (how === "rename") {
            at[strange] = at[old] as JsonValue;
            delete at[old];
          } else {
            fc.pre(!isAnything(field));
            at[old] = wrongFor(field);
            place = under(path, field.name);
          }
          expect(refusedAt(input, JSON.stringify(json))).toBe(place);
        },
      ),
      { numRuns: RUNS },
    );
  });
});

/** Every int64 of every message that a request can hold. */
const integers = (() => {
  const found = new Map<DescMessage, DescField[]>();
  const visit = (desc: DescMessage): void => {
    if (found.has(desc) || desc.typeName.startsWith("google.")) return;
    found.set(
      desc,
      desc.fields.filter((field) => field.fieldKind === "scalar" && [ScalarType.INT64, ScalarType.INT32].includes(field.scalar)),
    );
    for (const { message } of desc.fields) if (message !== undefined) visit(message);
  };
  for (const [, input] of rpcs) visit(input);
  return [...found].flatMap(([desc, fields]) => fields.map((field) => [`${desc.typeName}.${field.name}`, desc, field] as const));
})();

const sloppy = fc.oneof(
  fc.constantFrom(
    "",
    " ",
    "0x7",
    "+55",
    "1e0",
    "1.0",
    "1_000",
    "1,000",
    "--1",
    "-",
    "NaN",
    "Infinity",
    "٧",
    "７",
    "0b1",
    "1n",
    "1 ",
    " 1",
    "1\n",
  ),
  fc.string({ unit: "grapheme" }).filter((text) => !/^-?\d+$/.test(text)),
);

test("every integer takes exactly decimal digits, as text and as a number", () => {
  expect(integers.length).toBeGreaterThan(150);
  for (const [, desc, field] of integers) {
    const bits = field.scalar === ScalarType.INT64 ? 64n : 32n;
    const [min, max] = [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n];
    const read = (text: string) =>
      (fromJsonString(desc, checkJson(desc, `{"${field.jsonName}": ${text}}`)) as unknown as Record<string, unknown>)[field.localName] ??
      Object.values(fromJsonString(desc, checkJson(desc, `{"${field.jsonName}": ${text}}`))).flatMap((part) =>
        typeof part === "object" && part !== null && "value" in part ? [part.value] : [],
      )[0];
    fc.assert(
      fc.property(fc.bigInt({ min, max }), (value) => {
        for (const text of [`"${value}"`, `${value}`]) expect(BigInt(read(text) as bigint)).toBe(value);
      }),
      { numRuns: 4, examples: [[min], [max]] },
    );
    fc.assert(
      fc.property(sloppy, (text) => {
        expect(refusedAt(desc, JSON.stringify({ [field.name]: text }))).toBe(field.name);
      }),
      { numRuns: 6 },
    );
    for (const text of [`${max + 1n}`, `"${min - 1n}"`, "1e0", "1.0", "true", "[1]"]) {
      expect(refusedAt(desc, `{"${field.name}": ${text}}`)).toBe(field.name);
    }
  }
});
