import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { type MaybePromise, whenReady } from "../../call.ts";
import type { DomainError } from "../../errors.ts";
import type { ClientCertificate } from "../peers.ts";
import { readAltNames } from "./alt-names.ts";
import type { Credentials } from "./credentials.ts";
import type { Entry } from "./file.ts";
import type { Found } from "./found.ts";
import { createJwtLookUp, type OpenIssuer } from "./jwt/look-up.ts";
import type { OriginOf } from "./origin.ts";
import { refusals } from "./refusals.ts";

/** The longest `authorization` header that is looked at. */
const MAX_HEADER = 8_192;

/**
 * The `authorization` headers whose callers are remembered, so that the token of a busy caller isn't hashed or verified in every call. The size
 * is in characters.
 */
const remembered = { max: 10_000, maxSize: 8 * 1024 * 1024, sizeCalculation: (_: unknown, header: string) => header.length + 100 };

/** The surroundings of the look-up: where calls come from, and which chains of certificates are trusted. */
export type Surroundings = {
  readonly originOf: OriginOf;
  /** Tells whether one of the certificates of a chain is one of TLS_CLIENT_CA now, and none of them is revoked. */
  readonly isTrusted: (chain: ClientCertificate["chain"]) => boolean;
};

/** The look-up of the callers of one reading of the callers' file; `Callers` says what its parts do. */
export type LookUp = {
  readonly find: (credentials: Credentials) => MaybePromise<Found>;
  readonly refusalOfStranger: (authorization: string | undefined, hasCertificate: () => boolean) => DomainError | undefined;
};

/** Tells whether a token has the three parts of a signed one. */
const isSigned = (token: string): boolean => /^[^.]*\.[^.]*\.[^.]*$/.test(token);

/** The parts of a look-up by tokens. */
type TokenLookUp = {
  readonly find: (authorization: string) => MaybePromise<Found>;
  /** Tells whether a header has no token, or one that nobody has. False for what looks like the token of an issuer, which has to be verified. */
  readonly isStrange: (authorization: string) => boolean;
};

const tokenOf = (authorization: string): string | undefined =>
  authorization.length > MAX_HEADER ? undefined : /^bearer +([\w.~+/=-]+)$/i.exec(authorization)?.[1];

const hashOf = (token: string): string => createHash("sha256").update(token).digest("hex");

/** Finds callers by the tokens in `authorization` headers. */
const createTokenLookUp = (entries: readonly Entry[], issuers: readonly OpenIssuer[]): TokenLookUp => {
  const byHash = new Map(
    entries.flatMap(({ caller, networks, tokens }) =>
      tokens.map(({ sha256, notBefore, notAfter }): [string, Found] => [
        sha256,
        { caller, networks, notBefore, notAfter, binding: undefined },
      ]),
    ),
  );
  const known = new LRUCache<string, Found>(remembered);
  const signed = createJwtLookUp(issuers, entries);

  const look = (authorization: string): MaybePromise<Found> => {
    const token = tokenOf(authorization);
    if (token === undefined) throw refusals.unknownToken;
    // Comparing hashes tells an attacker nothing about the token, so the look-up need not take constant time.
    const found = byHash.get(hashOf(token)) ?? signed(token);
    if (found === undefined) throw refusals.unknownToken;
    return whenReady(found, (one) => {
      known.set(authorization, one);
      return one;
    });
  };

  return {
    find: (authorization) => {
      const hit = known.get(authorization);
      return hit === undefined || hit.binding?.isCurrent() === false ? look(authorization) : hit;
    },
    isStrange: (authorization) => {
      if (known.has(authorization)) return false;
      const token = tokenOf(authorization);
      if (token === undefined) return true;
      return (issuers.length === 0 || !isSigned(token)) && !byHash.has(hashOf(token));
    },
  };
};

/** Finds callers by the names in client certificates. */
const createCertificateLookUp = (entries: readonly Entry[], { isTrusted }: Surroundings): ((certificate: ClientCertificate) => Found) => {
  const byName = new Map(entries.flatMap((entry) => entry.subjectAltNames.map((name) => [name, entry])));
  const known = new WeakMap<ClientCertificate, Found>();

  const look = ({ subjectAltName, notBefore, notAfter }: ClientCertificate): Found => {
    const named = new Set(readAltNames(subjectAltName).flatMap((name) => byName.get(name) ?? []));
    const [entry, other] = named;
    if (entry === undefined) throw refusals.unknownCertificate;
    if (other !== undefined) throw refusals.ambiguousCertificate;
    return { caller: entry.caller, networks: entry.networks, notBefore, notAfter, binding: undefined };
  };

  return (certificate) => {
    // The connection may be older than the certificates that are trusted now.
    if (!isTrusted(certificate.chain)) throw refusals.untrustedCertificate;
    const hit = known.get(certificate);
    if (hit !== undefined) return hit;
    const found = look(certificate);
    known.set(certificate, found);
    return found;
  };
};

/** Makes the look-up of the callers of a callers' file. A token wins over a certificate: a proxy has a certificate, and passes tokens on. */
export const createLookUp = (entries: readonly Entry[], issuers: readonly OpenIssuer[], surroundings: Surroundings): LookUp => {
  const byToken = createTokenLookUp(entries, issuers);
  const byCertificate = createCertificateLookUp(entries, surroundings);

  const find = (credentials: Credentials): MaybePromise<Found> => {
    const authorization = credentials.header("authorization");
    if (authorization !== undefined) return byToken.find(authorization);
    const { certificate } = credentials.peer;
    if (certificate === undefined) throw refusals.nothingShown;
    return byCertificate(certificate);
  };

  const admit = (found: Found, credentials: Credentials): Found => {
    const { networks, notBefore, notAfter, binding } = found;
    if (notBefore !== -Infinity || notAfter !== Infinity) {
      const now = Date.now();
      if (now < notBefore) throw refusals.tooEarly;
      if (now >= notAfter) throw refusals.tooLate;
    }
    if (networks !== undefined && !networks.has(surroundings.originOf(credentials))) throw refusals.elsewhere;
    if (binding?.certificate !== undefined) {
      const { certificate } = credentials.peer;
      const isShown =
        certificate !== undefined &&
        surroundings.isTrusted(certificate.chain) &&
        Buffer.from(certificate.sha256, "hex").toString("base64url") === binding.certificate;
      if (!isShown) throw refusals.otherCertificate;
    }
    return found;
  };

  return {
    find: (credentials) => {
      const found = find(credentials);
      return found instanceof Promise ? found.then((one) => admit(one, credentials)) : admit(found, credentials);
    },
    refusalOfStranger: (authorization, hasCertificate) => {
      if (authorization !== undefined) return byToken.isStrange(authorization) ? refusals.unknownToken : undefined;
      return hasCertificate() ? undefined : refusals.nothingShown;
    },
  };
};
