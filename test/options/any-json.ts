import type { JsonValue } from "@bufbuild/protobuf";
import fc from "fast-check";

const hasNul = (text: string) => text.includes("\0");

/** Text that can be stored: any of Unicode but NUL and half surrogate pairs. */
const text = fc.string({ unit: "grapheme", maxLength: 12 }).filter((drawn) => drawn.isWellFormed() && !hasNul(drawn));

/** The name of a member, the odd ones too. */
export const name = fc.oneof(
  text,
  fc.constantFrom("__proto__", "constructor", "toString", "", "1", "10", "2", "\u{1F600}", "a", "b", "aa"),
);

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.constantFrom(-0, 0, 2 ** 53, 2 ** 53 + 2, -(2 ** 63), Number.MAX_VALUE, Number.MIN_VALUE, 1e21, 1e-7, 0.1 + 0.2),
);

/** JSON of every kind. */
export const anyJson = fc.letrec<{ json: JsonValue }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.constantFrom(null, true, false),
    number,
    text,
    fc.array(tie("json"), { maxLength: 4 }),
    fc.array(fc.tuple(name, tie("json")), { maxLength: 5 }).map((members) => Object.fromEntries(members)),
  ),
})).json;
