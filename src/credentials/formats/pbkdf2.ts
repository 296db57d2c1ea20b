import { pbkdf2 } from "node:crypto";
import { promisify } from "node:util";
import { type Format, sameBytes } from "./format.ts";

const derive = promisify(pbkdf2);

const notation = /^pbkdf2_sha256\$(?<iterations>\d{1,7})\$(?<salt>[^$]+)\$(?<hash>[A-Za-z0-9+/]{43}=)$/;

/** `pbkdf2_sha256$iterations$salt$hash`: Django's default. */
export const pbkdf2Format: Format = {
  algorithm: "pbkdf2_sha256",
  verify: async (password, encoded) => {
    const { iterations, salt = "", hash = "" } = notation.exec(encoded)?.groups ?? {};
    if (!(Number(iterations) > 0)) return false;
    const expected = Buffer.from(hash, "base64");
    return sameBytes(await derive(password, salt, Number(iterations), expected.length, "sha256"), expected);
  },
};
