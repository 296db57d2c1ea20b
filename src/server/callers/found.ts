import type { Caller } from "../../call.ts";
import type { Networks } from "../../networks.ts";

/** What a signed token of an issuer is bound to. */
export type TokenBinding = {
  /** Tells whether the issuer's keys are those that the token was verified with. */
  readonly isCurrent: () => boolean;
  /** The SHA-256 of the certificate that has to be shown with the token, in base64url (RFC 8705); undefined = none. */
  readonly certificate: string | undefined;
  /** The user that the token speaks for; undefined = the header `x-acting-user-id` may name any. `id` undefined = for no user. */
  readonly actingUser: { readonly id: bigint | undefined } | undefined;
};

/** A caller that was found, and what that which it showed is bound to. */
export type Found = {
  readonly caller: Caller;
  readonly networks: Networks | undefined;
  /** The time in which it holds, in milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Undefined for a token of the callers' file and for a certificate. */
  readonly binding: TokenBinding | undefined;
};
