import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Caller } from "../../call.ts";
import type { Networks } from "../../networks.ts";
import type { ClientCertificate } from "../peers.ts";
import { readAltNames } from "./alt-names.ts";
import type { Credentials } from "./credentials.ts";
import type { Entry } from "./file.ts";
import type { OriginOf } from "./origin.ts";
import { refusals } from "./refusals.ts";

/** The most `authorization` headers whose callers are remembered, so that the token of a busy caller isn't hashed in every call. */
const remembered = 1_000;

/** A caller that was found, with the time and the networks that what it showed is bound to. */
type Found = {
  readonly caller: Caller;
  readonly networks: Networks | undefined;
  readonly notBefore: number;
  readonly notAfter: number;
};

/** The surroundings of the look-up: where calls come from, and which chains of certificates are trusted. */
export type Surroundings = {
  readonly originOf: OriginOf;
  /** Tells whether one of these certificates, by their SHA-256 in hex, is one of TLS_CLIENT_CA now. */
  readonly isTrusted: (chain: readonly string[]) => boolean;
};

/** A function that finds the caller of a call. Throws UNAUTHENTICATED CREDENTIALS_REQUIRED when there is none. */
export type LookUp = (credentials: Credentials) => Caller;

/** Finds callers by the tokens in `authorization` headers. */
const createTokenLookUp = (entries: readonly Entry[]): ((authorization: string) => Found | undefined) => {
  const byHash = new Map(
    entries.flatMap(({ caller, networks, tokens }) =>
      tokens.map(({ sha256, notBefore, notAfter }): [string, Found] => [sha256, { caller, networks, notBefore, notAfter }]),
    ),
  );
  const known = new LRUCache<string, Found>({ max: remembered });
  return (authorization) => {
    const hit = known.get(authorization);
    if (hit !== undefined) return hit;
    const token = /^bearer +([\w.~+/=-]{1,4096})$/i.exec(authorization)?.[1];
    if (token === undefined) return undefined;
    // Comparing hashes tells an attacker nothing about the token, so the look-up need not take constant time.
    const found = byHash.get(createHash("sha256").update(token).digest("hex"));
    if (found !== undefined) known.set(authorization, found);
    return found;
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
    return { caller: entry.caller, networks: entry.networks, notBefore, notAfter };
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
export const createLookUp = (entries: readonly Entry[], surroundings: Surroundings): LookUp => {
  const byToken = createTokenLookUp(entries);
  const byCertificate = createCertificateLookUp(entries, surroundings);

  const find = (credentials: Credentials): Found => {
    const authorization = credentials.header("authorization");
    if (authorization !== undefined) {
      const found = byToken(authorization);
      if (found === undefined) throw refusals.unknownToken;
      return found;
    }
    const { certificate } = credentials.peer;
    if (certificate === undefined) throw refusals.nothingShown;
    return byCertificate(certificate);
  };

  return (credentials) => {
    const { caller, networks, notBefore, notAfter } = find(credentials);
    if (notBefore !== -Infinity || notAfter !== Infinity) {
      const now = Date.now();
      if (now < notBefore) throw refusals.tooEarly;
      if (now >= notAfter) throw refusals.tooLate;
    }
    if (networks !== undefined && !networks.has(surroundings.originOf(credentials))) throw refusals.elsewhere;
    return caller;
  };
};
