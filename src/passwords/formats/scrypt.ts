import { type BinaryLike, type ScryptOptions, scrypt } from "node:crypto";
import { promisify } from "node:util";
import { bytesOf, type Check, type Format, MAX_MEMORY, sameBytes } from "./format.ts";

const derive = promisify<string, BinaryLike, number, ScryptOptions, Buffer>(scrypt);

const django = /^scrypt\$(?<n>\d{1,8})\$(?<salt>[^$]+)\$(?<r>\d{1,4})\$(?<p>\d{1,4})\$(?<hash>[A-Za-z0-9+/]{86}==)$/;
const werkzeug = /^scrypt:(?<n>\d{1,8}):(?<r>\d{1,4}):(?<p>\d{1,4})\$(?<salt>[^$]+)\$(?<hash>[0-9a-f]{128})$/;
/** The pattern of PHC, with hashes of 32 or 64 bytes: the beginning of a longer hash would be right as well. */
const phc =
  /^\$scrypt\$ln=(?<ln>\d{1,2}),r=(?<r>\d{1,4}),p=(?<p>\d{1,4})\$(?<salt>[A-Za-z0-9+/.]{1,128}={0,2})\$(?<hash>(?:[A-Za-z0-9+/.]{43}|[A-Za-z0-9+/.]{86})={0,2})$/;

/** The most bytes that all lanes go through, one after the other: a second or two. */
const MAX_WORK = 2 * MAX_MEMORY;

const checkOf = (encoded: string, notation: RegExp, saltOf: (text: string) => BinaryLike, hashOf: (text: string) => Buffer) => {
  const { n, ln, r, p, salt = "", hash = "" } = notation.exec(encoded)?.groups ?? {};
  const exponent = ln === undefined ? Math.log2(Number(n)) : Number(ln);
  const [blockSize, parallelization] = [Number(r), Number(p)];
  const N = 2 ** exponent;
  // What Node counts: the blocks, and one more per lane.
  const memory = 128 * blockSize * (N + parallelization + 2);
  const isCost = Number.isInteger(exponent) && exponent > 0 && exponent < 16 * blockSize && parallelization > 0;
  if (!(isCost && memory <= MAX_MEMORY && 128 * blockSize * N * parallelization <= MAX_WORK)) return undefined;
  const expected = hashOf(hash);
  const options = { N, r: blockSize, p: parallelization, maxmem: memory };
  const check: Check = async (password) => sameBytes(await derive(password, saltOf(salt), expected.length, options), expected);
  return check;
};

const asIs = (text: string): string => text;

/** The formats of scrypt: Django's `scrypt$N$salt$r$p$hash`, PHC's `$scrypt$ln=…,r=…,p=…$salt$hash`, Werkzeug's `scrypt:N:r:p$salt$hex`. */
export const scryptFormat: Format = (encoded) =>
  checkOf(encoded, django, asIs, bytesOf) ??
  checkOf(encoded, phc, bytesOf, bytesOf) ??
  checkOf(encoded, werkzeug, asIs, (hex) => Buffer.from(hex, "hex"));
