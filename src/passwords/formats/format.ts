import { timingSafeEqual } from "node:crypto";

/** True for the password that was hashed; one hash computation, and it never throws. */
export type Check = (password: string) => Promise<boolean>;

/**
 * One way to write a password's hash down. Makes the check of a hash; undefined when the text is not of this format, is
 * damaged, or costs more than a call may.
 */
export type Format = (encoded: string) => Check | undefined;

/** Most memory that verifying an imported hash may take, in bytes: its parameters are the importer's, not ours. */
export const MAX_MEMORY = 256 * 1024 * 1024;

/** Compares in a time that says nothing about where the two differ. */
export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);

/** The bytes of base64, padded or not; some libraries write `.` for `+`. None when a character is too many. */
export const bytesOf = (base64: string): Buffer =>
  base64.replaceAll("=", "").length % 4 === 1 ? Buffer.alloc(0) : Buffer.from(base64.replaceAll(".", "+"), "base64");
