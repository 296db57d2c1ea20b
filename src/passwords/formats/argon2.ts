import { type Argon2Algorithm, argon2, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { argon2dAsync, argon2iAsync, argon2idAsync } from "@noble/hashes/argon2.js";
import { bytesOf, type Format, MAX_MEMORY, sameBytes } from "./format.ts";

const derive = promisify(argon2);

/** The cost of new hashes: 19 MiB, two passes, one lane (the least that OWASP allows for argon2id). */
const COST = { memory: 19_456, passes: 2, parallelism: 1 } as const;
const SALT_BYTES = 16;
const TAG_BYTES = 32;

/** The least bytes of a salt and a hash: argon2 has no shorter salts, and a shorter hash could be right by chance. */
const [MIN_SALT_BYTES, MIN_TAG_BYTES] = [8, 12];

/** The most work of a hash that is verified, as KiB of memory times passes: about a second. */
const MAX_WORK = 1_048_576;
/** The most work of a hash of version 16, which is computed in JavaScript. */
const MAX_OLD_WORK = 131_072;

/** Encodes bytes as base64 without padding, as the argon2 notation has it. */
const unpadded = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64").replaceAll("=", "");

/** The pattern of a hash. One that names no version is older than versions: it is of version 16. */
const notation =
  /^(?:argon2)?\$(?<type>argon2id|argon2i|argon2d)(?:\$v=(?<version>16|19))?\$m=(?<m>\d{1,8}),t=(?<t>\d{1,4}),p=(?<p>\d{1,3})\$(?<salt>[A-Za-z0-9+/]{11,128}={0,2})\$(?<tag>[A-Za-z0-9+/]{16,172}={0,2})$/;

const prefix = `argon2$argon2id$v=19$m=${COST.memory},t=${COST.passes},p=${COST.parallelism}$`;

/** A hash that no known password fits. It is verified for a user without a usable hash, so that the check takes as long as for others. */
export const DUMMY_HASH = `${prefix}${"A".repeat(22)}$${"A".repeat(43)}`;

/** Hashes a new password with a new salt, and returns `argon2$argon2id$v=19$m=…,t=…,p=…$salt$hash`. */
export const hashArgon2 = async (password: string): Promise<string> => {
  const nonce = randomBytes(SALT_BYTES);
  const tag = await derive("argon2id", { message: password, nonce, tagLength: TAG_BYTES, ...COST });
  return `${prefix}${unpadded(nonce)}$${unpadded(tag)}`;
};

/** Tells whether a hash has the format and cost of new hashes. Any other hash is replaced at the next successful check of its password. */
export const isCurrentArgon2 = (encoded: string): boolean => encoded.startsWith(prefix);

/** The library's functions for version 16, which Node does not know. They pause every few milliseconds, so that other calls don't wait. */
const old = { argon2i: argon2iAsync, argon2d: argon2dAsync, argon2id: argon2idAsync } as const;

/** The formats of argon2, all types, versions 16 and 19: PHC's `$argon2id$v=19$m=…,t=…,p=…$salt$hash`, and Django's with `argon2` before it. */
export const argon2Format: Format = (encoded) => {
  const { type = "", version = "16", m, t, p, salt = "", tag = "" } = notation.exec(encoded)?.groups ?? {};
  const [memory, passes, parallelism] = [Number(m), Number(t), Number(p)];
  const isOld = version === "16";
  const isAffordable = memory * 1024 <= MAX_MEMORY && memory * passes <= (isOld ? MAX_OLD_WORK : MAX_WORK);
  const [expected, nonce] = [bytesOf(tag), bytesOf(salt)];
  const isSound = nonce.length >= MIN_SALT_BYTES && expected.length >= MIN_TAG_BYTES;
  if (!(isSound && isAffordable && memory >= 8 * parallelism && passes > 0 && parallelism > 0)) return undefined;
  return async (password) => {
    const computed = isOld
      ? await old[type as keyof typeof old](password, nonce, {
          version: 0x10,
          m: memory,
          t: passes,
          p: parallelism,
          dkLen: expected.length,
        })
      : await derive(type as Argon2Algorithm, { message: password, nonce, parallelism, tagLength: expected.length, memory, passes });
    return sameBytes(computed, expected);
  };
};
