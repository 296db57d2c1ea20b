import { expect, test } from "vitest";
import { encodeKey } from "../../src/versions/key.ts";
import { createRandom } from "../fuzz/random.ts";

const TUPLES = 1_000_000;

/** What encodings stumble over: separators, digits, what looks like an encoded part, empty texts, surrogates. */
const texts = ["", "0", "1", "a", "b", ":", "/", "s", "i", "s1:a", "i1:1", "1:a", "\0", "-1", "é", "😀", "\ud83d"] as const;

test("I11 no two of a million different tuples share a key", () => {
  const random = createRandom("keys");
  const tuples = new Map<string, string>();
  const part = (): string | bigint => {
    if (random.chance(0.4)) return BigInt(random.below(40) - 20) ** BigInt(1 + random.below(3));
    let text: string = random.pick(texts);
    while (random.chance(0.6)) text += random.pick(texts);
    return text;
  };
  for (let index = 0; index < TUPLES; index += 1) {
    const parts = Array.from({ length: random.below(5) }, part);
    // JSON tells texts and their bounds apart; numbers have a type of their own.
    const tuple = JSON.stringify(parts.map((one) => (typeof one === "bigint" ? { number: one.toString() } : one)));
    const key = encodeKey(...parts);
    const other = tuples.get(key);
    if (other === undefined) tuples.set(key, tuple);
    else if (other !== tuple) expect.fail(`${tuple} and ${other} are both ${key}`);
  }
  expect(tuples.size).toBeGreaterThan(TUPLES / 4);
});
