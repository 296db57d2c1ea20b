import fc from "fast-check";
import { expect } from "vitest";
import { LookupStatus } from "../../src/gen/userd/v1/user_service_pb.ts";
import { canonicalName } from "../../src/names/canonical.ts";
import { usernameFault } from "../../src/names/precis.ts";
import { unique } from "../support/build.ts";
import { test } from "../support/service.ts";

/** Letters by script, as Unicode knows them: the scripts are those of the letters that are found. */
const lettersByScript = (): ReadonlyMap<string, string[]> => {
  const letters = Array.from({ length: 0x20000 }, (_, code) => code)
    .filter((code) => code < 0xd800 || code > 0xdfff)
    .map((code) => String.fromCodePoint(code))
    .filter((character) => /\p{L}/u.test(character));
  return Map.groupBy(letters, (letter) => {
    // A block of 128 stands for its script: no list of scripts has to be kept.
    return String((letter.codePointAt(0) ?? 0) >> 7);
  });
};

const scripts = [...lettersByScript().values()];
const nameInOneScript = fc
  .constantFrom(...scripts)
  .chain((letters) => fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 12 }));
const spellings = [
  (name: string) => name.toUpperCase().normalize("NFC"),
  (name: string) => name.toLowerCase(),
  (name: string) => name.normalize("NFD"),
  (name: string) => name.normalize("NFD").toUpperCase(),
];
/** In capitals a dotless ı is the I of others, which no folding without a language undoes; an iota below is one beside. */
const hasOwnCapitals = (name: string): boolean => !/ı|\u0345/u.test(name.normalize("NFD"));

test("the canonical form of a name in any script is its own, and that of its other spellings", () => {
  fc.assert(
    fc.property(nameInOneScript, fc.constantFrom("", "@", "x@"), (name, prefix) => {
      const form = canonicalName(prefix + name);
      expect(canonicalName(form)).toBe(form);
      expect([...form].length).toBeLessThanOrEqual(3 * [...(prefix + name)].length);
      if (prefix === "" && hasOwnCapitals(name)) for (const spell of spellings) expect(canonicalName(spell(name)), name).toBe(form);
    }),
    { numRuns: 2_000 },
  );
});

test("every letter and sign has a canonical form that is its own", () => {
  const changed = Array.from({ length: 0x20000 }, (_, code) => code).filter((code) => {
    if (code >= 0xd800 && code <= 0xdfff) return false;
    const form = canonicalName(String.fromCodePoint(code));
    return canonicalName(form) !== form;
  });
  expect(changed).toEqual([]);
});

test("U1 U4 equal names in every script are found by each other, and only one of them can be created", async ({ clients }) => {
  const { users } = clients["grpc-js"];
  const word = unique("n").replaceAll(/[0-9]/g, "x");
  const byForm = new Map(
    scripts.flatMap((letters, index) => {
      // Not in the letters of another script's word: text from right to left can't be mixed.
      const name = letters
        .filter((letter) => usernameFault(letter) === undefined && hasOwnCapitals(letter))
        .slice(0, 6)
        .join("");
      const username = usernameFault(`${name}${word}`) === undefined ? `${name}${word}${index}` : name;
      return name === "" || usernameFault(username) !== undefined ? [] : [[canonicalName(username), username] as const];
    }),
  );
  const names = [...byForm.values()];
  expect(names.length).toBeGreaterThan(300);
  for (let at = 0; at < names.length; at += 1_000) {
    const some = names.slice(at, at + 1_000);
    const { results } = await users.batchCreateUsers({ users: some.map((username) => ({ username })) });
    expect(results.flatMap(({ result }) => (result.case === "error" ? [result.value.message] : []))).toEqual([]);
    for (const spell of spellings) {
      const found = await users.lookupUsers({ keys: some.map((name) => ({ key: { case: "username" as const, value: spell(name) } })) });
      expect(found.results.map(({ user }) => user?.username)).toEqual(some);
      expect(new Set(found.results.map(({ status }) => status))).toEqual(new Set([LookupStatus.FOUND]));
    }
    const again = await users.batchCreateUsers({ users: some.map((name) => ({ username: name.toUpperCase().normalize("NFC") })) });
    expect(again.results.filter(({ result }) => result.case === "user")).toEqual([]);
  }
});
