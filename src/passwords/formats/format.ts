import { timingSafeEqual } from "node:crypto";

/** A function that makes one hash computation to tell whether a password fits one hash. It never throws. */
export type Check = (password: string) => Promise<boolean>;

/** A function that makes the `Check` of a hash in one format; undefined = another format, a damaged hash, or one too costly to verify. */
export type Format = (encoded: string) => Check | undefined;

/** The most memory, in bytes, that verifying a hash may take: the parameters of an imported hash could demand any amount. */
export const MAX_MEMORY = 256 * 1024 * 1024;

/** Tells whether bytes are equal, in a time that does not depend on where they differ. */
export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);

/** Decodes base64, padded or not, with `.` read as `+`. Returns an empty Buffer for a text of a length that base64 can't have. */
export const bytesOf = (base64: string): Buffer =>
  base64.replaceAll("=", "").length % 4 === 1 ? Buffer.alloc(0) : Buffer.from(base64.replaceAll(".", "+"), "base64");
