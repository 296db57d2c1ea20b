import { pbkdf2 } from "node:crypto";
import { promisify } from "node:util";
import { bytesOf, type Check, type Format, sameBytes } from "./format.ts";

const derive = promisify(pbkdf2);

/** The digests, with the bytes of their hashes and the most iterations, which take a second or two. */
const digests = {
  sha1: { bytes: 20, maxIterations: 4_000_000 },
  sha256: { bytes: 32, maxIterations: 4_000_000 },
  sha512: { bytes: 64, maxIterations: 2_000_000 },
} as const;

type Groups = Partial<Record<"digest" | "iterations" | "salt" | "hash", string>>;

const DIGEST = "(?<digest>sha1|sha256|sha512)";
const django = new RegExp(`^pbkdf2_${DIGEST}\\$(?<iterations>\\d{1,7})\\$(?<salt>[^$]+)\\$(?<hash>[A-Za-z0-9+/]+={0,2})$`);
const werkzeug = new RegExp(`^pbkdf2:${DIGEST}:(?<iterations>\\d{1,7})\\$(?<salt>[^$]+)\\$(?<hash>[0-9a-f]+)$`);
const phc = new RegExp(
  `^\\$pbkdf2(?:-${DIGEST})?\\$(?:i=)?(?<iterations>\\d{1,7})(?:,l=\\d{1,3})?\\$(?<salt>[A-Za-z0-9+/.]{1,128}={0,2})\\$(?<hash>[A-Za-z0-9+/.]+={0,2})$`,
);

/** Makes the check of a hash, which has to have its full length: the beginning of a longer hash would be right as well. */
const checkOf = (encoded: string, notation: RegExp, saltOf: (text: string) => string | Buffer, hashOf: (text: string) => Buffer) => {
  const groups: Groups | undefined = notation.exec(encoded)?.groups;
  if (groups === undefined) return undefined;
  const { digest = "sha1", salt = "", hash = "" } = groups;
  const { bytes, maxIterations } = digests[digest as keyof typeof digests];
  const [iterations, expected] = [Number(groups.iterations), hashOf(hash)];
  if (iterations < 1 || iterations > maxIterations || expected.length !== bytes) return undefined;
  const check: Check = async (password) => sameBytes(await derive(password, saltOf(salt), iterations, bytes, digest), expected);
  return check;
};

const asIs = (text: string): string => text;

/** The formats of PBKDF2 with SHA-1, SHA-256 or SHA-512: Django's `pbkdf2_sha256$…`, Werkzeug's `pbkdf2:…`, PHC's `$pbkdf2-sha256$…`. */
export const pbkdf2Format: Format = (encoded) =>
  checkOf(encoded, django, asIs, bytesOf) ??
  checkOf(encoded, phc, bytesOf, bytesOf) ??
  checkOf(encoded, werkzeug, asIs, (hex) => Buffer.from(hex, "hex"));
