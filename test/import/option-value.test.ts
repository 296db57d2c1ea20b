import { expect, test } from "vitest";
import { optionValue } from "../../src/import/option-value.ts";

const read = (value: unknown) => {
  const notes: string[] = [];
  const json: unknown = JSON.parse(optionValue(value, (text) => notes.push(text)));
  return { json, notes };
};
const jsonOf = (value: unknown): unknown => read(value).json;

test.for(["1", "-1", "1.0", "true", "false", "null", "123456789012345678901", " 7", "NaN", "Europe/Vienna", "gAJY", "['a']", "{", ""])(
  "text is decoded only to text, lists and objects: %j stays",
  (text) => {
    expect(read(text)).toEqual({ json: text, notes: [] });
  },
);

test("text that is the JSON of a text, a list or an object is decoded once", () => {
  expect(jsonOf('"dark"')).toBe("dark");
  expect(jsonOf('"1"')).toBe("1");
  expect(jsonOf('"\\"1\\""')).toBe('"1"');
  expect(jsonOf(' [1, true, null, "2"]')).toEqual([1, true, null, "2"]);
  expect(jsonOf('{"a": 1}')).toEqual({ a: 1 });
});

test("numbers, true, false and null come from JSON that is no string", () => {
  expect([1, -1, 1.5, true, false, null].map(jsonOf)).toEqual([1, -1, 1.5, true, false, null]);
});

test("09 an integer beyond 2^53 is kept as text, wherever it stands, and noted", () => {
  const notes = ["holds an integer beyond 2^53, which is kept as text"];
  expect(read(12345678901234567890n)).toEqual({ json: "12345678901234567890", notes });
  expect(read([{ id: -9007199254740993n }])).toEqual({ json: [{ id: "-9007199254740993" }], notes });
  expect(read('{"id": 9007199254740993, "n": 9007199254740991}')).toEqual({ json: { id: "9007199254740993", n: 9007199254740991 }, notes });
  expect(read('{"__proto__": 9007199254740993}').json).toEqual(JSON.parse('{"__proto__": "9007199254740993"}'));
  expect(read("[1e300, 0.1, 12345678901234567890.5]")).toEqual({ json: [1e300, 0.1, 12345678901234567000], notes: [] });
  expect(() => read(`[${"9".repeat(5_000)}]`)).toThrow("is not finite");
  expect(() => read(`${"[".repeat(100_000)}1234567890123456789${"]".repeat(100_000)}`)).toThrow("nested deeper than 24 levels");
});

// Made by Python's pickle, protocols 2 to 5.
test.for([
  ["gAJYDQAAAEV1cm9wZS9WaWVubmFxAC4=", "Europe/Vienna"],
  ["gAJVBGRhcmtxAC4=", "dark"],
  ["gANYBAAAAGRhcmtxAC4=", "dark"],
  ["gASVCAAAAAAAAACMBGRhcmuULg==", "dark"],
  ["gAJYAQAAADFxAC4=", "1"],
  ["gAJYBgAAAMOp8J+YgHEALg==", "é😀"],
  ["gAKILg==", true],
  ["gAJOLg==", null],
  ["gAJLBS4=", 5],
  ["gAJK/////y4=", -1],
  ["gAKKBgAAAAAAAS4=", 2 ** 40],
  ["gAJHP/gAAAAAAAAu", 1.5],
  ["gAJ9cQAoWAEAAABhcQFdcQIoSwFoAVgBAAAAeHEDToZxBGVYAQAAAGJxBX1xBlgBAAAAY3EHiXN1Lg==", { a: [1, "a", ["x", null]], b: { c: false } }],
  ["gAJdcQAoSwFLAk0sAUpwEQEASvv///9lLg==", [1, 2, 300, 70_000, -5]],
  ["gAWVEgAAAAAAAAB9lIwBYZRdlChoAYwBYpRlcy4=", { a: ["a", "b"] }],
] as const)("a pickle is the plain data that it holds: %s", ([pickle, value]) => {
  expect(read(pickle)).toEqual({ json: value, notes: [] });
});

test("09 an integer beyond 2^53 in a pickle is kept as text too", () => {
  expect(read("gAKKCQAAAAAAAACAAC4=").json).toBe("9223372036854775808");
  expect(read("gAKKB////////98u")).toMatchObject({ json: "-9007199254740993", notes: [expect.stringContaining("2^53")] });
});

const encode = (...parts: (string | number)[]): string =>
  Buffer.concat([
    Buffer.of(0x80, 2),
    ...parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.of(part))),
  ]).toString("base64");

test.for([
  ["what calls a function", "gAJjcG9zaXgKc3lzdGVtCnEAWAcAAABlY2hvIGhpcQGFcQJScQMu", "is more than plain data"],
  [
    "a date",
    "gAJjZGF0ZXRpbWUKZGF0ZQpxAGNfY29kZWNzCmVuY29kZQpxAVgFAAAAB8OkAQFxAlgGAAAAbGF0aW4xcQOGcQRScQWFcQZScQcu",
    "is more than plain data",
  ],
  ["a set", "gASVDQAAAAAAAACPlCiMAWKUjAFhlJAu", "is more than plain data"],
  ["what holds a list twice", "gAJdcQAoXXEBSwFhaAFlLg==", "names a list or an object twice"],
  ["what holds itself", "gAJdcQBoAGEu", "names a list or an object twice"],
  ["a member whose name is a number", "gAJ9cQBLAUsCcy4=", "whose name is no text"],
  ["one that is cut off", "gAJYDQAAAEV1cm9wZS9W", "ends too early"],
  ["one that pops what is not there", encode("ae."), "is damaged"],
  ["one with two values", encode("NN."), "is damaged"],
  ["one that ends a list that never began", encode("]Ne."), "is damaged"],
  ["one with an unknown memo", encode("h", 9, "."), "is damaged"],
  ["text that is not UTF-8", encode("U", 1, 0xff, "."), "not UTF-8"],
  ["one that repeats a text for ever", encode("](X", 0, 4, 0, 0, "x".repeat(1024), "q", 0, `${"h\0".repeat(1_000)}e.`), "is too large"],
] as const)("a pickle that is more than plain data, or damaged, is refused: %s", ([, pickle, message]) => {
  expect(() => read(pickle)).toThrow(`is a pickle that`);
  expect(() => read(pickle)).toThrow(message);
});

test("any bytes behind the beginning of a pickle are read or refused", () => {
  for (let seed = 1; seed < 3_000; seed += 1) {
    const bytes = Buffer.from(Array.from({ length: 30 }, (_, index) => (Math.imul(seed * 31 + index * 17, 2_654_435_761) >>> 13) & 0xff));
    try {
      read(encode(bytes.toString("latin1")));
    } catch (error) {
      expect((error as Error).name).toBe("Unfit");
    }
  }
});
