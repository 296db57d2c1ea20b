import { createRequire } from "node:module";
import { LRUCache } from "lru-cache";

/** The functions of the package tr46 that are used; it has no types. */
type Tr46 = {
  readonly toUnicode: (domain: string, options?: object) => { readonly domain: string; readonly error: boolean };
  readonly toASCII: (domain: string, options?: object) => string | null;
};

const require = createRequire(import.meta.url);
let loaded: Tr46 | undefined;

/** Loads the package when the first domain beyond ASCII needs it: its tables take 1.2 MB and 60 ms, which most installations never need. */
const tr46 = (): Tr46 => {
  loaded ??= require("tr46") as Tr46;
  return loaded;
};

/** The rules for text that looks like a domain but may be a username, or a part of an address. */
const lenient = { useSTD3ASCIIRules: true };
const strict = { useSTD3ASCIIRules: true, checkBidi: true, checkJoiners: true, verifyDNSLength: true };

/** The mapped domains used last; false = no domain. Mapping costs 0.1 ms, and few domains stand in many addresses. */
const mapped = new LRUCache<string, string | false>({ max: 1_000 });

/** The longest that a mapped domain may get, as a multiple of its length: the columns of canonical names have room for that. */
const GROWTH = 3;

const map = (domain: string): string | false => {
  const { domain: unicode, error } = tr46().toUnicode(domain, lenient);
  return !error && unicode.length <= GROWTH * domain.length && unicode;
};

/** Maps a domain to its one spelling in Unicode by UTS #46: `XN--MNCHEN-3YA.de` becomes `münchen.de`. Undefined = the text is no domain. */
export const unicodeDomain = (domain: string): string | undefined => {
  let unicode = mapped.get(domain);
  if (unicode === undefined) {
    unicode = map(domain);
    mapped.set(domain, unicode);
  }
  return unicode === false ? undefined : unicode;
};

/** Tells whether a domain can stand in the DNS, by the rules of UTS #46 for joiners, bidirectional text and lengths. */
export const isDomain = (domain: string): boolean => tr46().toASCII(domain, strict) !== null;

/**
 * Tells whether RFC 5893 (bidirectional text) and RFC 5892 (joiners) allow a text as a label of a domain. The text's characters have to be
 * checked already (`disallowedCharacter`).
 */
export const isReadableLabel = (label: string): boolean => !tr46().toUnicode(label, { checkBidi: true, checkJoiners: true }).error;
