import { expect, test } from "vitest";
import { argon2Format, hashArgon2, isCurrentArgon2 } from "../../src/credentials/formats/argon2.ts";
import { bcryptSha256Format } from "../../src/credentials/formats/bcrypt.ts";
import { pbkdf2Format } from "../../src/credentials/formats/pbkdf2.ts";
import { scryptFormat } from "../../src/credentials/formats/scrypt.ts";

test.for([
  [pbkdf2Format, "lètmein", "pbkdf2_sha256$1000$seasalt$JgZryXe2Ga8ysg6XbzkLpTdyPQrHqsinbL9BnnhgX4A="],
  [
    scryptFormat,
    "lètmein",
    "scrypt$16384$seasalt$8$1$Qj3+9PPyRjSJIebHnG81TMjsqtaIGxNQG/aEB/NYafTJ7tibgfYz71m0ldQESkXFRkdVCBhhY8mx7rQwite/Pw==",
  ],
  [bcryptSha256Format, "lètmein", "bcrypt_sha256$$2b$05$abcdefghijklmnopqrstuuaQz6CVhbgRiZmnmiNLc9bv5cauhFkti"],
  [argon2Format, "secret", "argon2$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q"],
  [argon2Format, "secret", "argon2$argon2id$v=19$m=102400,t=2,p=8$Y041dExhNkljRUUy$TMa6A8fPJhCAUXRhJXCXdw"],
] as const)("a hash that Django made verifies: %o", async ([format, password, encoded]) => {
  expect(encoded.startsWith(`${format.algorithm}$`)).toBe(true);
  expect(await format.verify(password, encoded)).toBe(true);
  expect(await format.verify(`${password}z`, encoded)).toBe(false);
  expect(await format.verify("", encoded)).toBe(false);
  for (const damaged of [encoded.slice(0, -3), `${encoded}A`, `${format.algorithm}$`, ""]) {
    expect(await format.verify(password, damaged)).toBe(false);
  }
});

test.for([
  [argon2Format, `argon2$argon2id$v=19$m=99999999,t=2,p=1$${"A".repeat(22)}$${"A".repeat(43)}`],
  [argon2Format, `argon2$argon2id$v=19$m=0,t=2,p=1$${"A".repeat(22)}$${"A".repeat(43)}`],
  [argon2Format, `argon2$argon2id$v=19$m=8,t=0,p=1$${"A".repeat(22)}$${"A".repeat(43)}`],
  [scryptFormat, `scrypt$1048576$salt$64$1$${"A".repeat(86)}==`],
  [scryptFormat, `scrypt$1000$salt$8$1$${"A".repeat(86)}==`],
  [pbkdf2Format, `pbkdf2_sha256$0$salt$${"A".repeat(43)}=`],
  [bcryptSha256Format, `bcrypt_sha256$$2b$31$${"a".repeat(53)}`],
] as const)("a hash whose parameters are absurd verifies no password and costs nothing: %o", async ([format, encoded]) => {
  const begun = performance.now();
  expect(await format.verify("x", encoded)).toBe(false);
  expect(performance.now() - begun).toBeLessThan(1_000);
});

test("a new hash is a current one, salted", async () => {
  const [first, second] = await Promise.all([hashArgon2("p"), hashArgon2("p")]);
  expect(first).not.toBe(second);
  expect(isCurrentArgon2(first)).toBe(true);
  expect(isCurrentArgon2("argon2$argon2id$v=19$m=102400,t=2,p=8$Y041dExhNkljRUUy$TMa6A8fPJhCAUXRhJXCXdw")).toBe(false);
  expect(await argon2Format.verify("p", first)).toBe(true);
});
