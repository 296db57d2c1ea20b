import { timingSafeEqual } from "node:crypto";

/** One way to write a password's hash down, in Django's notation. */
export type Format = {
  /** What stands before the first `$`. */
  readonly algorithm: string;
  /** Whether the password is the one that was hashed; a text that is not of this format is a hash of no password. */
  readonly verify: (password: string, encoded: string) => Promise<boolean>;
};

/** Most memory that verifying an imported hash may take, in bytes: its parameters are the importer's, not ours. */
export const MAX_MEMORY = 256 * 1024 * 1024;

/** Compares in a time that says nothing about where the two differ. */
export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);
