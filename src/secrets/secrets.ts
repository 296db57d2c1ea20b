import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { failedPrecondition } from "../errors.ts";

/** A use of the secret key. Each use has a sub-key of its own, so that nobody can compute one sub-key from another. */
export type SecretUse =
  | "consistency-token"
  | "page-token"
  | "request-hash"
  | "encryption-at-rest"
  | "cache-notification"
  | "feed-position"
  | "erasure-receipt"
  | "erasure-subject"
  | "audit-chain";

/** Derives the sub-key of one use from SECRET_KEY, as a key object, with which an HMAC is six times as fast as with raw bytes. */
export const subKey = (secretKey: Uint8Array, use: SecretUse): KeyObject =>
  createSecretKey(Buffer.from(hkdfSync("sha256", secretKey, new Uint8Array(0), `userd ${use}`, 32)));

/** A seal: it makes sealed texts, which everybody can read, but nobody can make or change without the secret key. */
export type Seal = {
  readonly seal: (payload: string) => string;
  /** Returns the payload of a sealed text; undefined = the text was not sealed with this key. */
  readonly open: (text: string) => string | undefined;
};

/** The bytes of a MAC: 128 bits make forging hopeless, and tokens stay short. */
const MAC_LENGTH = 16;

/** Makes the seal of one use of the secret key. A sealed text is, in base64url, 16 bytes of an HMAC-SHA-256 and then the content. */
export const createSeal = (secretKey: Uint8Array, use: SecretUse): Seal => {
  const key = subKey(secretKey, use);
  const mac = (payload: Uint8Array) => createHmac("sha256", key).update(payload).digest().subarray(0, MAC_LENGTH);
  return {
    seal: (payload) => {
      const bytes = Buffer.from(payload);
      return Buffer.concat([mac(bytes), bytes]).toString("base64url");
    },
    open: (text) => {
      const bytes = Buffer.from(text, "base64url");
      // Buffer.from skips what is not base64url: such a text was not made here either.
      if (bytes.length <= MAC_LENGTH || bytes.toString("base64url") !== text) return undefined;
      const payload = bytes.subarray(MAC_LENGTH);
      return timingSafeEqual(mac(payload), bytes.subarray(0, MAC_LENGTH)) ? payload.toString() : undefined;
    },
  };
};

/**
 * A vault: it encrypts text, so that nobody reads it in the database without the secret key. What is locked for a `place`, such as a column of
 * one row, can be unlocked for the same place only: nobody can pass it off as the value of another one.
 */
export type Vault = {
  readonly lock: (text: string, place?: string) => Buffer;
  /** Decrypts bytes. Throws DomainError SECRET_UNREADABLE when they were not locked with this key and place, or were changed since. */
  readonly unlock: (bytes: Uint8Array, place?: string) => string;
};

const CIPHER = "aes-256-gcm";
const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;

/** Makes the vault of a secret key. It encrypts with AES-256-GCM and a random nonce, and returns nonce, tag and ciphertext together. */
export const createVault = (secretKey: Uint8Array): Vault => {
  const key = subKey(secretKey, "encryption-at-rest");
  return {
    lock: (text, place = "") => {
      const nonce = randomBytes(NONCE_LENGTH);
      const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_LENGTH }).setAAD(Buffer.from(place));
      const locked = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), locked]);
    },
    unlock: (bytes, place = "") => {
      try {
        const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_LENGTH), { authTagLength: TAG_LENGTH });
        decipher.setAAD(Buffer.from(place));
        decipher.setAuthTag(bytes.subarray(NONCE_LENGTH, NONCE_LENGTH + TAG_LENGTH));
        return Buffer.concat([decipher.update(bytes.subarray(NONCE_LENGTH + TAG_LENGTH)), decipher.final()]).toString();
      } catch {
        throw failedPrecondition("SECRET_UNREADABLE", "A stored secret was encrypted with another SECRET_KEY, or was damaged.");
      }
    },
  };
};
