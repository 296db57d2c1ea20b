import { argon2Format } from "./formats/argon2.ts";
import { bcryptFormat, bcryptSha256Format } from "./formats/bcrypt.ts";
import type { Check, Format } from "./formats/format.ts";
import { pbkdf2Format } from "./formats/pbkdf2.ts";
import { scryptFormat } from "./formats/scrypt.ts";

const formats: readonly Format[] = [argon2Format, pbkdf2Format, bcryptSha256Format, bcryptFormat, scryptFormat];

/** The beginning of a stored hash that stands for no usable password; anything may follow it. */
export const UNUSABLE = "!";

/** Makes the function that checks passwords against a stored hash of any known format; undefined = the hash can't be verified. */
export const checkOf = (encoded: string): Check | undefined => {
  for (const format of formats) {
    const check = format(encoded);
    if (check !== undefined) return check;
  }
  return undefined;
};

/** The kinds of hashes that can't be verified, with their patterns. No error repeats a part of a hash: it could be the password. */
const kinds: readonly (readonly [RegExp, string])[] = [
  [/^(?:argon2|pbkdf2|bcrypt|scrypt|\$argon2|\$2[abxy]?\$|\$pbkdf2|\$bcrypt|\$scrypt)/, "damaged, or too costly to verify"],
  [/^unsalted_md5\$|^md5\$\$|^[0-9a-f]{32}$/i, "of unsalted MD5"],
  [/^unsalted_sha1\$|^sha1\$\$|^[0-9a-f]{40}$/i, "of unsalted SHA-1"],
  [/^md5\$/, "of MD5"],
  [/^sha1\$/, "of SHA-1"],
  [/^crypt\$|^\$(?:1|5|6|y|gy|7|sha1|md5)\$|^[./A-Za-z0-9]{13}$/, "of crypt"],
  [/^\{[A-Za-z0-9-]+\}/, "of LDAP"],
];

/** Returns the kind of a hash that can't be verified, in words for an error message. */
export const unverifiableKind = (encoded: string): string => kinds.find(([pattern]) => pattern.test(encoded))?.[1] ?? "of an unknown kind";
