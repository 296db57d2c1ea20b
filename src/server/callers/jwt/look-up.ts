import { decodeJwt, errors, jwtVerify } from "jose";
import { LRUCache } from "lru-cache";
import { DomainError, exhausted, unavailable } from "../../../errors.ts";
import type { Entry } from "../file.ts";
import type { Found } from "../found.ts";
import { refusal, refusals } from "../refusals.ts";
import { readClaims } from "./claims.ts";
import { type Issuer, subjectKey } from "./issuer.ts";
import type { KeySource } from "./key-file.ts";

/** An issuer with the place where its keys come from. */
export type OpenIssuer = Issuer & { readonly source: KeySource };

/** The most signatures that are verified at a time. */
const MAX_VERIFYING = 256;

/** The most calls that wait for keys. Whoever makes up the names of keys gets no more than these to wait. */
const MAX_WAITING = 32;

/** The refused tokens that are remembered, and for how long in milliseconds: a client that repeats a bad token costs no signature each time. */
const refused = { max: 200, ttl: 1_000 };

/** The answer of a verification that has no key for its token. */
const noKey = Symbol("no key");

const verify = async (token: string, issuer: OpenIssuer, bySubject: ReadonlyMap<string, Entry>): Promise<Found | typeof noKey> => {
  const { source, claims, audience, algorithms, clockSkewSeconds, type } = issuer;
  const keys = source.current();
  if (keys === undefined) return noKey;
  try {
    const { payload } = await jwtVerify(token, keys.keyOf, {
      issuer: issuer.issuer,
      audience: [...audience],
      algorithms: [...algorithms],
      clockTolerance: clockSkewSeconds,
      requiredClaims: ["exp", claims.caller],
      ...(type !== undefined && { typ: type }),
    });
    return readClaims(payload, issuer, bySubject, () => source.current() === keys);
  } catch (error) {
    if (error instanceof DomainError) throw error;
    if (error instanceof errors.JWKSNoMatchingKey) return noKey;
    const code = error instanceof errors.JOSEError ? error.code : "ERR_KEY";
    const claim = error instanceof errors.JWTClaimValidationFailed ? ` of ${error.claim}` : "";
    throw refusal(`the token of an issuer is not good: ${code}${claim}`);
  }
};

/** A function that finds the caller of a signed token. Returns undefined at once for a text that is no such token. */
export type JwtLookUp = (token: string) => Promise<Found> | undefined;

/** Makes the look-up of callers by tokens that issuers have signed (JWT). */
export const createJwtLookUp = (issuers: readonly OpenIssuer[], entries: readonly Entry[]): JwtLookUp => {
  const byName = new Map(issuers.map((issuer) => [issuer.issuer, issuer]));
  const bySubject = new Map(entries.flatMap((entry) => entry.subjects.map((it) => [subjectKey(it.issuer, it.subject), entry])));
  const verifying = new Map<string, Promise<Found | typeof noKey>>();
  const bad = new LRUCache<string, DomainError>(refused);
  let waiting = 0;

  /** Verifies a token once, for all calls that come with it meanwhile. */
  const verifyOnce = (token: string, issuer: OpenIssuer): Promise<Found | typeof noKey> => {
    const joined = verifying.get(token);
    if (joined !== undefined) return joined;
    if (verifying.size >= MAX_VERIFYING)
      throw exhausted("OVERLOADED", "The server verifies as many tokens as it can.", { retryAfterMs: 100 });
    const begun = verify(token, issuer, bySubject).finally(() => verifying.delete(token));
    verifying.set(token, begun);
    return begun;
  };

  const withNewKeys = async (token: string, issuer: OpenIssuer): Promise<Found> => {
    const away = () => unavailable("ISSUER_UNAVAILABLE", "The keys of the token's issuer can't be fetched now.");
    const renewal = issuer.source.renew();
    if (renewal !== undefined) {
      if (waiting >= MAX_WAITING) throw away();
      waiting += 1;
      await renewal.finally(() => (waiting -= 1));
      const found = await verifyOnce(token, issuer);
      if (found !== noKey) return found;
    }
    throw issuer.source.current() === undefined ? away() : refusals.unknownKey;
  };

  const find = async (token: string, issuer: OpenIssuer): Promise<Found> => {
    try {
      const found = await verifyOnce(token, issuer);
      return found === noKey ? await withNewKeys(token, issuer) : found;
    } catch (error) {
      if (error instanceof DomainError && error.kind === "Unauthenticated") bad.set(token, error);
      throw error;
    }
  };

  return (token) => {
    if (issuers.length === 0 || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return undefined;
    const known = bad.get(token);
    if (known !== undefined) throw known;
    let issuer: OpenIssuer | undefined;
    try {
      issuer = byName.get(decodeJwt(token).iss ?? "");
    } catch {
      // Not a JWT, though it looks like one.
    }
    return issuer && find(token, issuer);
  };
};
