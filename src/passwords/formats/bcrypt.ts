import { createHash, createHmac } from "node:crypto";
import { compare } from "bcryptjs";
import type { Format } from "./format.ts";

/** The pattern of a hash. A cost above 14 takes seconds in JavaScript, for which no imported hash may hold the process. */
const notation = /^\$2[aby]\$(?:0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$/;

/** The pattern in which passlib writes bcrypt of a SHA-256; its first version has no key. */
const passlib =
  /^\$bcrypt-sha256\$(?<keyed>v=2,t=)?(?<type>2[ab]),(?:r=)?(?<cost>\d{1,2})\$(?<salt>[./A-Za-z0-9]{22})\$(?<digest>[./A-Za-z0-9]{31})$/;

/** Makes the check of a bcrypt hash. The library works in slices of 100 ms on the main thread; a first success replaces the hash. */
const checkOf = (hash: string, keyOf: (password: string) => string = (password) => password) =>
  notation.test(hash) ? (password: string) => compare(keyOf(password), hash) : undefined;

const [PLAIN, DIGESTED] = ["bcrypt$", "bcrypt_sha256$"] as const;

/** The formats of bcrypt: `$2a$…`, `$2b$…` and `$2y$…`, and Django's with `bcrypt$` before these. */
export const bcryptFormat: Format = (encoded) => checkOf(encoded.startsWith(PLAIN) ? encoded.slice(PLAIN.length) : encoded);

/** Reads password hashes of bcrypt over SHA-256: Django's `bcrypt_sha256$$2b$…` (SHA-256 in hex) and passlib's `$bcrypt-sha256$…` (in base64). */
export const bcryptSha256Format: Format = (encoded) => {
  if (encoded.startsWith(DIGESTED)) {
    return checkOf(encoded.slice(DIGESTED.length), (password) => createHash("sha256").update(password).digest("hex"));
  }
  const { keyed, type, cost = "", salt = "", digest } = passlib.exec(encoded)?.groups ?? {};
  return checkOf(`$${type}$${cost.padStart(2, "0")}$${salt}${digest}`, (password) =>
    (keyed === undefined ? createHash("sha256") : createHmac("sha256", salt)).update(password).digest("base64"),
  );
};
