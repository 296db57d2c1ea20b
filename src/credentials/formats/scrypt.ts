import { type ScryptOptions, scrypt } from "node:crypto";
import { promisify } from "node:util";
import { type Format, MAX_MEMORY, sameBytes } from "./format.ts";

const derive = promisify<string, string, number, ScryptOptions, Buffer>(scrypt);

const notation = /^scrypt\$(?<n>\d{1,8})\$(?<salt>[^$]+)\$(?<r>\d{1,4})\$(?<p>\d{1,4})\$(?<hash>[A-Za-z0-9+/]{86}==)$/;

const isPowerOfTwo = (value: number): boolean => value > 1 && Number.isInteger(Math.log2(value));

/** `scrypt$N$salt$r$p$hash`. */
export const scryptFormat: Format = {
  algorithm: "scrypt",
  verify: async (password, encoded) => {
    const { n, salt = "", r, p, hash = "" } = notation.exec(encoded)?.groups ?? {};
    const [N, blockSize, parallelization] = [Number(n), Number(r), Number(p)];
    // What Node counts: the blocks, and one more per lane.
    const memory = 128 * blockSize * (N + parallelization + 2);
    if (!(isPowerOfTwo(N) && blockSize > 0 && parallelization > 0 && memory <= MAX_MEMORY)) return false;
    const expected = Buffer.from(hash, "base64");
    return sameBytes(await derive(password, salt, expected.length, { N, r: blockSize, p: parallelization, maxmem: memory }), expected);
  },
};
