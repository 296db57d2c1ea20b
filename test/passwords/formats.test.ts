import fc from "fast-check";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { argon2Format, hashArgon2, isCurrentArgon2 } from "../../src/passwords/formats/argon2.ts";
import { createPasswords } from "../../src/passwords/passwords.ts";
import { checkOf, unverifiableKind } from "../../src/passwords/stored-hash.ts";

const PASSWORD = "lètmein";
const BCRYPT = "$2b$04$aJ.AlAoRB/1b6pcoxa6i0uC9esGBL7UCMfxFR/ZMcVEokGi4lEQD2";

/** Made by Django, argon2-cffi, passlib, bcrypt and Werkzeug. */
const hashes = [
  "pbkdf2_sha256$1000$seasalt$JgZryXe2Ga8ysg6XbzkLpTdyPQrHqsinbL9BnnhgX4A=",
  "pbkdf2_sha256$1000$c2FsdHNhbHQ$8ygmr9czHK0eMQGIPAZEAafXXt9T0pRC94Td5GrGdQw=",
  "pbkdf2_sha1$1000$seasalt$ljleU4wBmTtz/MoG5YTwxpM0d7I=",
  "scrypt$16384$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==",
  "bcrypt_sha256$$2b$05$abcdefghijklmnopqrstuuaQz6CVhbgRiZmnmiNLc9bv5cauhFkti",
  BCRYPT,
  `bcrypt$${BCRYPT}`,
  "$2y$04$S7.g/l10D1wetln1qGmx8eiINoncNKhMdLWXvOuDGg5RAMB1e7u5S",
  "$2a$04$ykJZrofMClCvus5rjx.8au6VQ2HzXPgJBb3ui3f3EL1px95UMhJeG",
  "$argon2i$v=16$m=64,t=2,p=2$c2FsdHNhbHQ$FHZ6vhVjodZyTQg8WoeUHsAZXiXmW5OG",
  "argon2$argon2i$v=16$m=64,t=2,p=2$c2FsdHNhbHQ$FHZ6vhVjodZyTQg8WoeUHsAZXiXmW5OG",
  "argon2$argon2i$m=64,t=2,p=2$c2FsdHNhbHQ$FHZ6vhVjodZyTQg8WoeUHsAZXiXmW5OG",
  "$argon2d$v=16$m=64,t=2,p=2$c2FsdHNhbHQ$XfVOx6iSfkeeQ48inUUzQDXpL15ICnBN",
  "$argon2id$v=16$m=64,t=2,p=2$c2FsdHNhbHQ$HcLT6VRRohaN+aG6lKABFDJHrE6obZkx",
  "$argon2i$v=19$m=64,t=2,p=2$c2FsdHNhbHQ$x+suVWjNM/8ND9zUvn1TQaLfVuhtaAp6",
  "$argon2d$v=19$m=64,t=2,p=2$c2FsdHNhbHQ$0JI7uPzeKNi6zLDR+nSXKcPjG7g2wraD",
  "$argon2id$v=19$m=64,t=2,p=2$c2FsdHNhbHQ$sZqb3cWfcOha0x55+mnO8gDMHhlScZcT",
  "argon2$argon2id$v=19$m=64,t=2,p=2$c2FsdHNhbHQ$sZqb3cWfcOha0x55+mnO8gDMHhlScZcT",
  "$scrypt$ln=10,r=8,p=1$CwHgnDMGQMj5X8sZw9hbyw$e5+16egRPYCTSkIiiwWFxBrIQAyYJzG4Pqh5ld0ZrZI",
  // Not in the issue: what other libraries write.
  "$pbkdf2-sha256$1000$JcR4713LOWcsxZhzbi1lrA$YHjwHmbHa4G/Yhfi.Lb6Z0TBqolWN1fe7JeUm68zZ1M",
  "$pbkdf2-sha512$1000$xrj3/h8jREjpvTem1DoHYA$JIcznf0yDClPKTZ2SeFOABSka52XaEh3SYIpUpBzqK31TSBYllwU0vXpS49Vq1L.N3zrzKa5OwMU6Cs0dlKxpA",
  "$pbkdf2$1000$thYiJIRwTqn1Xqv1nvO.1w$BIXu61v9GYSuwXR0uK3oV4h6R0w",
  "$bcrypt-sha256$v=2,t=2b,r=4$7edER3u4v.FCtDZvsN6.3e$babUsat1bS4HlvvRVqfztpo3IzPup2K",
  "$bcrypt-sha256$2b,4$ILQJY92/RP3LzauajDpj5O$exNjwJyvQVe9QRbQsX45bHOwSCW2lBm",
  "pbkdf2:sha256:1000$rLED3pNRICsKQ2Rq$e0b1d06ac354e6c37d7d6151904ea5456ee83a7b8d8e9c606bbe1352a30b6f63",
  "pbkdf2:sha1:1000$YN87WFxZwi25qFGH$83e0eb03326e6c2b7af1375c8d830243d78623e3",
  "scrypt:1024:8:1$CtBpXKysWDwpnqgY$2f2e738253bcb5fa3feb4ff76a958b2c574cdf8e49f62d5c6941e5c0e51dbf942bb3c447ef72a775a7a9a233691de25155cb4cf7f45cddd584844437a374eaff",
];

test.for(hashes)("05 a hash that another program made verifies: %s", async (encoded) => {
  const check = checkOf(encoded);
  expect(await check?.(PASSWORD)).toBe(true);
  expect(await check?.(`${PASSWORD}z`)).toBe(false);
  expect(await check?.("")).toBe(false);
  for (const damaged of [encoded.slice(0, -3), `${encoded}A`, ` ${encoded}`, encoded.slice(0, encoded.lastIndexOf("$") + 1)]) {
    expect((await checkOf(damaged)?.(PASSWORD)) ?? false, damaged).toBe(false);
  }
});

test("05 the older argon2 of Django verifies, and so do parameters of other libraries", async () => {
  expect(await checkOf("argon2$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q")?.("secret")).toBe(true);
  expect(await checkOf("argon2$argon2id$v=19$m=102400,t=2,p=8$Y041dExhNkljRUUy$TMa6A8fPJhCAUXRhJXCXdw")?.("secret")).toBe(true);
});

test.for([
  ["md5$salt$0123456789abcdef0123456789abcdef", "of MD5"],
  ["sha1$abc12$0123456789abcdef0123456789abcdef01234567", "of SHA-1"],
  ["0123456789abcdef0123456789abcdef", "of unsalted MD5"],
  ["md5$$0123456789abcdef0123456789abcdef", "of unsalted MD5"],
  ["sha1$$0123456789abcdef0123456789abcdef01234567", "of unsalted SHA-1"],
  ["crypt$$ab1hLMxrE9uVI", "of crypt"],
  ["$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/", "of crypt"],
  ["{SSHA}c2FsdHNhbHRzYWx0c2FsdHNhbHQ=", "of LDAP"],
  ["letmein", "of an unknown kind"],
  ["bcrypt_sha256$", "damaged, or too costly to verify"],
  [`argon2$argon2id$v=19$m=99999999,t=2,p=1$${"A".repeat(22)}$${"A".repeat(43)}`, "damaged, or too costly to verify"],
  [`$argon2id$v=19$m=262144,t=5,p=1$${"A".repeat(22)}$${"A".repeat(43)}`, "damaged, or too costly to verify"],
  [`$argon2i$v=16$m=65536,t=3,p=1$${"A".repeat(22)}$${"A".repeat(43)}`, "damaged, or too costly to verify"],
  [`argon2$argon2id$v=19$m=0,t=2,p=1$${"A".repeat(22)}$${"A".repeat(43)}`, "damaged, or too costly to verify"],
  [`argon2$argon2id$v=19$m=8,t=0,p=1$${"A".repeat(22)}$${"A".repeat(43)}`, "damaged, or too costly to verify"],
  [`scrypt$1048576$salt$64$1$${"A".repeat(86)}==`, "damaged, or too costly to verify"],
  [`scrypt$1000$salt$8$1$${"A".repeat(86)}==`, "damaged, or too costly to verify"],
  [`scrypt$16384$salt$8$9999$${"A".repeat(86)}==`, "damaged, or too costly to verify"],
  [`$scrypt$ln=17,r=1,p=1$c2FsdA$${"A".repeat(43)}`, "damaged, or too costly to verify"],
  [`pbkdf2_sha256$0$salt$${"A".repeat(43)}=`, "damaged, or too costly to verify"],
  [`pbkdf2_sha256$9999999$salt$${"A".repeat(43)}=`, "damaged, or too costly to verify"],
  [`pbkdf2_sha512$2000001$salt$${"A".repeat(86)}==`, "damaged, or too costly to verify"],
  [`bcrypt_sha256$$2b$31$${"a".repeat(53)}`, "damaged, or too costly to verify"],
  [`$2b$15$${"a".repeat(53)}`, "damaged, or too costly to verify"],
] as const)("05 a hash that nobody can verify, or that would cost too much, is told: %s", ([encoded, kind]) => {
  expect(checkOf(encoded)).toBeUndefined();
  expect(unverifiableKind(encoded)).toBe(kind);
});

test("05 whatever stands where a hash should, checking it neither throws nor says yes", async () => {
  const number = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constantFrom(0, 1, 16, 1024));
  const text = fc.stringMatching(/^[A-Za-z0-9+/]{0,90}={0,2}$/);
  const encoded = fc.oneof(
    fc.tuple(fc.constantFrom("argon2i", "argon2d", "argon2id"), number, number, number, text, text).map(([type, m, t, p, salt, tag]) => {
      return `$${type}$v=19$m=${m * 8},t=${t},p=${p}$${salt}$${tag}`;
    }),
    fc.tuple(number, text, number, number, text).map((parts) => `scrypt$${parts.join("$")}`),
    fc.tuple(number, number, number, text, text).map(([ln, r, p, salt, hash]) => `$scrypt$ln=${ln % 12},r=${r},p=${p}$${salt}$${hash}`),
    fc.tuple(fc.constantFrom("sha1", "sha256", "sha512"), number, text, text).map((parts) => `pbkdf2_${parts.join("$")}`),
    fc.string(),
  );
  await fc.assert(
    fc.asyncProperty(encoded, async (stored) => {
      expect((await checkOf(stored)?.("password")) ?? false).toBe(false);
    }),
    { numRuns: 300 },
  );
});

test("U27 05 every stored text costs one hash computation", async () => {
  const registry = new Registry();
  const passwords = createPasswords(registry);
  const stored = [undefined, "", "!", "!x", "md5$salt$0123456789abcdef0123456789abcdef", "pbkdf2_sha1$", BCRYPT, `bcrypt$${BCRYPT}`];
  for (const [index, hash] of stored.entries()) {
    const { valid } = await passwords.verify("wrong", hash, new AbortController().signal);
    const [computed] = (await registry.getSingleMetric("userd_password_hashes_total")?.get())?.values ?? [];
    expect({ valid, computed: computed?.value }).toEqual({ valid: false, computed: index + 1 });
  }
});

test("a new hash is a current one, salted", async () => {
  const [first, second] = await Promise.all([hashArgon2("p"), hashArgon2("p")]);
  expect(first).not.toBe(second);
  expect(isCurrentArgon2(first)).toBe(true);
  expect(isCurrentArgon2("argon2$argon2id$v=19$m=102400,t=2,p=8$Y041dExhNkljRUUy$TMa6A8fPJhCAUXRhJXCXdw")).toBe(false);
  expect(await argon2Format(first)?.("p")).toBe(true);
});
