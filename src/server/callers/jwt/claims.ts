import type { JWTPayload } from "jose";
import type { Caller } from "../../../call.ts";
import type { Entry } from "../file.ts";
import type { Found } from "../found.ts";
import { refusal, refusals } from "../refusals.ts";
import { type Issuer, subjectKey } from "./issuer.ts";

const MAX_ID = 2n ** 63n - 1n;

const userOf = (claim: unknown): bigint => {
  const text = typeof claim === "number" ? String(claim) : claim;
  const id = typeof text === "string" && /^\d{1,19}$/.test(text) ? BigInt(text) : 0n;
  if (id <= 0n || id > MAX_ID) throw refusal("the claim of the acting user is not the id of a user");
  return id;
};

/** Narrows the permissions of a caller to those that a claim names: a text with spaces between them, as `scope` is, or a list. */
const narrowed = (caller: Caller, claim: unknown): Caller => {
  const named: unknown[] = typeof claim === "string" ? claim.split(" ") : Array.isArray(claim) ? claim : [];
  return { ...caller, permissions: new Set([...caller.permissions].filter((permission) => named.includes(permission))) };
};

/** The certificate that a token is bound to (RFC 8705). A token that is bound to something else is refused: nobody here could check it. */
const certificateOf = (confirmation: unknown): string | undefined => {
  if (confirmation === undefined) return undefined;
  const { "x5t#S256": thumbprint, ...others } = Object(confirmation) as Record<string, unknown>;
  if (typeof thumbprint !== "string" || Object.keys(others).length > 0)
    throw refusal("the token is bound to something that can't be checked");
  return thumbprint;
};

/**
 * Makes what was found of the claims of a token whose signature, issuer, audience and times are good.
 * @throws UNAUTHENTICATED CREDENTIALS_REQUIRED.
 */
export const readClaims = (
  payload: JWTPayload,
  { issuer, claims, clockSkewSeconds }: Issuer,
  bySubject: ReadonlyMap<string, Entry>,
  isCurrent: () => boolean,
): Found => {
  const subject = payload[claims.caller];
  const entry = typeof subject === "string" ? bySubject.get(subjectKey(issuer, subject)) : undefined;
  if (entry === undefined) throw refusals.unknownSubject;
  const user = claims.actingUser && payload[claims.actingUser];
  return {
    caller: claims.permissions === undefined ? entry.caller : narrowed(entry.caller, payload[claims.permissions]),
    networks: entry.networks,
    notBefore: -Infinity,
    notAfter: ((payload.exp ?? 0) + clockSkewSeconds) * 1_000,
    binding: {
      isCurrent,
      certificate: certificateOf(payload["cnf"]),
      actingUser: claims.actingUser === undefined ? undefined : { id: user === undefined ? undefined : userOf(user) },
    },
  };
};
