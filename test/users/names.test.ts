import { describe, expect } from "vitest";
import { LookupStatus } from "../../src/gen/userd/v1/user_service_pb.ts";
import { createUser, unique } from "../support/build.ts";
import { expectRefusal } from "../support/errors.ts";
import { test } from "../support/service.ts";

/** A spelling beside another one of the same name; `*` stands for what no other test has. */
const equal: readonly (readonly [string, string, string])[] = [
  ["Greek capitals with a final sigma", "κώστας*κωστασ", "ΚΏΣΤΑΣ*ΚΩΣΤΑΣ"],
  ["a letter that has no composed capital", "ẖalid*", "H̱ALID*"],
  ["ß and ss", "Straße*", "STRASSE*"],
  ["Cherokee, whose small letters are the newer ones", "ꮳꮃꭹ*", "ᏣᎳᎩ*"],
  ["a dotted capital I and its parts", "İstanbul*", "i̇stanbul*"],
  ["marks in another order", "q\u0307\u0323*", "q\u0323\u0307*"],
  ["full width", "ｍｉｋｅ*", "Mike*"],
];

describe("names", { concurrent: true }, () => {
  test.for(equal)("U1 U4 %s: one name, found in both spellings", async ([, first, second], { clients }) => {
    const { users } = clients["grpc-js"];
    const word = unique("").replaceAll(/[0-9]/g, "z");
    const [username, other] = [first.replace("*", word), second.replace("*", word.toUpperCase())];
    const { id } = await createUser(clients["grpc-js"], { username });
    await expectRefusal(users.createUser({ user: { username: other } }), "AlreadyExists", "USERNAME_TAKEN");
    const { results } = await users.lookupUsers({ keys: [{ key: { case: "username", value: other } }] });
    expect(results).toMatchObject([{ status: LookupStatus.FOUND, user: { id, username } }]);
    for (const search of [`username:${other}`, other]) {
      expect(
        (await users.listUsers({ search })).users.map((user) => user.id),
        search,
      ).toEqual([id]);
    }
    // Its owner may spell it anew.
    expect((await users.updateUser({ user: { id, username: second.replace("*", word) } })).user?.id).toBe(id);
  });

  test("U17 the beginning of a name in Greek capitals finds it", async ({ clients }) => {
    const { users } = clients["grpc-js"];
    const { id } = await createUser(clients["grpc-js"], { name: "Κώστας Δοκιμαστικός" });
    for (const search of ["ΚΏΣ", "κώς", "δοκιμαστικόΣ"]) {
      expect(
        (await users.listUsers({ search })).users.map((user) => user.id),
        search,
      ).toContain(id);
    }
  });

  test.for([
    ["\u200b", "U+200B"],
    ["mike ", "U+0020"],
    ["mi ke", "U+0020"],
    ["mike\u00a0x", "U+00A0"],
    ["mike\u202e", "U+202E"],
    ["mi\u00adke", "U+00AD"],
    ["ﬁona", "U+FB01"],
    ["mike\u200d", "directions"],
    ["☃", "U+2603"],
    ["ᄀ", "U+1100"],
    ["mi\u0007ke", "U+0007"],
    ["l·x", "U+00B7"],
    ["٣۳", "U+0663"],
    ["אa", "directions"],
    ["\u{e0041}a", "U+E0041"],
    ["mike\u3000", "U+0020"],
    ["a\ufdd0", "U+FDD0"],
  ])("a new username %j is refused: %s", async ([username, sentence], { clients }) => {
    const { users } = clients["grpc-js"];
    const { fields, error } = await expectRefusal(users.createUser({ user: { username } }), "InvalidArgument", "FIELD_INVALID");
    expect(fields).toEqual(["user.username"]);
    expect(error.message).toContain(sentence);
    const { results } = await users.batchCreateUsers({ users: [{ username }] });
    expect(results).toMatchObject([{ result: { case: "error" } }]);
    const { id } = await createUser(clients["grpc-js"]);
    await expectRefusal(users.updateUser({ user: { id, username } }), "InvalidArgument", "FIELD_INVALID");
  });

  test.for(["Ünal", "محمد", "می\u200cخواهم", "क्\u200dष", "山田・太郎", "col·lega", "דוד״א", "O'Brien_1+x", "Ωmega", "กขค", "ᏣᎳᎩ", "कि"])(
    "a new username %j is taken as it is spelled",
    async (name, { clients }) => {
      const { users } = clients["grpc-js"];
      const username = /^[\u0590-\u08ff]/.test(name) ? name : `${name}${unique("")}`;
      expect((await users.createUser({ user: { username } })).user?.username).toBe(username);
    },
  );

  test.for([
    ["გიორგი", "გიორგი"],
    ["ßeta", "Sseta"],
    ["ﬁona", "Fiona"],
    ["ǆ", "ǅ"],
    ["ŉ", "ʼN"],
    ["ᾳx", "ᾼx"],
    ["և", "Եւ"],
    ["𐐨𐐩", "𐐀𐐩"],
    ["ẖalid x", "H̱alid"],
    ["山田 太郎", "山田"],
    ["jane", "Jane"],
  ])("U5 the salutation of %s is %s", async ([name, salutation], { clients }) => {
    expect(await createUser(clients["grpc-js"], { name })).toMatchObject({ salutation });
  });

  test("a username that ImportUsers brings stays as it is, and is found", async ({ clients }) => {
    const { users } = clients["grpc-js"];
    const username = `${unique("mike")} `;
    const lines = async function* () {
      yield { user: { username } };
    };
    expect(await users.importUsers(lines())).toMatchObject({ created: 1n, failures: [] });
    const { results } = await users.lookupUsers({ keys: [{ key: { case: "username", value: username.toUpperCase() } }] });
    expect(results).toMatchObject([{ status: LookupStatus.FOUND, user: { username } }]);
    // What it is called already is no new name.
    const id = results[0]?.user?.id ?? 0n;
    expect((await users.updateUser({ user: { id, name: "Mike" }, updateMask: { paths: ["name"] } })).user).toMatchObject({ username });
  });
});
