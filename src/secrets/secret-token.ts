import { createHash, randomBytes } from "node:crypto";
import { type DomainError, failedPrecondition } from "../errors.ts";

/** A token, which goes to the user, and its hash, which is stored. */
export type SecretToken = { readonly token: string; readonly hash: Buffer };

/** Computes the hash that is stored in place of a token. SHA-256 is enough: a token has 256 random bits. */
export const tokenHash = (token: string): Buffer => createHash("sha256").update(token).digest();

/** Makes the one error for tokens that are unknown, used, replaced or expired. */
export const tokenRefused = (): DomainError =>
  failedPrecondition("TOKEN_REFUSED", "The token is unknown, used, replaced or expired; ask for a new one.");

/** Makes a new token of 256 random bits behind a prefix, and its hash. */
export const newSecretToken = (prefix = ""): SecretToken => {
  const token = prefix + randomBytes(32).toString("base64url");
  return { token, hash: tokenHash(token) };
};

/** Makes a session nonce: 12 characters, 72 random bits. All sessions of a user carry the user's nonce; a new nonce ends these sessions. */
export const newSessionNonce = (): string => randomBytes(9).toString("base64url");

/** Tells whether a call acts for another user than the one whose token it has: for that call the token is an unknown one. */
export const isOfAnother = ({ actingUserId }: { readonly actingUserId?: bigint | undefined }, userId: bigint): boolean =>
  actingUserId !== undefined && actingUserId !== userId;
