import { createHash, randomBytes } from "node:crypto";
import { type DomainError, failedPrecondition } from "../errors.ts";

/** A token for the user's eyes, and the hash that is kept of it. */
export type SecretToken = { readonly token: string; readonly hash: Buffer };

/** The hash that is stored of a token. A token has 256 random bits, so a plain SHA-256 can't be turned back. */
export const tokenHash = (token: string): Buffer => createHash("sha256").update(token).digest();

/** The token is unknown, used, replaced or expired: nobody is told which. */
export const tokenRefused = (): DomainError =>
  failedPrecondition("TOKEN_REFUSED", "The token is unknown, used, replaced or expired; ask for a new one.");

/** Makes a token that nobody can guess. */
export const newSecretToken = (): SecretToken => {
  const token = randomBytes(32).toString("base64url");
  return { token, hash: tokenHash(token) };
};

/** A new session nonce: 12 characters, 72 random bits. */
export const newSessionNonce = (): string => randomBytes(9).toString("base64url");
