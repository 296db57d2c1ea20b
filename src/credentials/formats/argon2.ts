import { type Argon2Algorithm, argon2, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { type Format, MAX_MEMORY, sameBytes } from "./format.ts";

const derive = promisify(argon2);

/** What new hashes cost: 19 MiB, two passes, one lane (OWASP's least for argon2id). */
const COST = { memory: 19_456, passes: 2, parallelism: 1 } as const;
const SALT_BYTES = 16;
const TAG_BYTES = 32;

/** Base64 without padding, as the argon2 notation has it. */
const unpadded = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64").replaceAll("=", "");

const notation =
  /^argon2\$(?<type>argon2id|argon2i|argon2d)\$v=19\$m=(?<m>\d{1,8}),t=(?<t>\d{1,4}),p=(?<p>\d{1,3})\$(?<salt>[A-Za-z0-9+/]{11,})\$(?<tag>[A-Za-z0-9+/]{6,})$/;

const prefix = `argon2$argon2id$v=19$m=${COST.memory},t=${COST.passes},p=${COST.parallelism}$`;

/** What stands for a hash where there is none: it costs the same to verify, and no password is known to fit. */
export const DUMMY_HASH = `${prefix}${"A".repeat(22)}$${"A".repeat(43)}`;

/** The hash of a new password, with a salt of its own: `argon2$argon2id$v=19$m=…,t=…,p=…$salt$hash`. */
export const hashArgon2 = async (password: string): Promise<string> => {
  const nonce = randomBytes(SALT_BYTES);
  const tag = await derive("argon2id", { message: password, nonce, tagLength: TAG_BYTES, ...COST });
  return `${prefix}${unpadded(nonce)}$${unpadded(tag)}`;
};

/** The hash costs what new ones cost; another one is replaced as soon as its password is known. */
export const isCurrentArgon2 = (encoded: string): boolean => encoded.startsWith(prefix);

/** `argon2$argon2id$v=19$m=…,t=…,p=…$salt$hash`; also argon2i and argon2d. */
export const argon2Format: Format = {
  algorithm: "argon2",
  verify: async (password, encoded) => {
    const { type = "", m, t, p, salt = "", tag = "" } = notation.exec(encoded)?.groups ?? {};
    const [memory, passes, parallelism] = [Number(m), Number(t), Number(p)];
    if (!(memory * 1024 <= MAX_MEMORY && memory >= 8 * parallelism && passes > 0 && parallelism > 0)) return false;
    const expected = Buffer.from(tag, "base64");
    const nonce = Buffer.from(salt, "base64");
    const parameters = { message: password, nonce, parallelism, tagLength: expected.length, memory, passes };
    return sameBytes(await derive(type as Argon2Algorithm, parameters), expected);
  },
};
