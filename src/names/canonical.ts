import { caseFold } from "unicode-case-folding";
import { unicodeDomain } from "./domain.ts";

const BEYOND_ASCII = /[^\0-\x7f]/;

/** The beginning of labels in Punycode. */
const PUNYCODE = "xn--";

/** Replaces characters that differ from others by their width only (RFC 8265, section 3.3.1). */
export const mapWidth = (text: string): string => text.replace(/[\u3000\uff01-\uffee]/g, (wide) => wide.normalize("NFKC"));

/**
 * Folds a text: full case folding, which depends neither on context nor on language, of the decomposed text (Unicode's
 * canonical caseless match, D145), with the width mapping of RFC 8265 before it and NFC after it.
 */
const fold = (text: string): string => caseFold(mapWidth(text).normalize("NFD")).normalize("NFC");

/**
 * Makes the canonical form of a name: names with one form are the same name. What follows an @ is compared as a domain,
 * if it is one: there ß is not ss.
 *
 * It is computed here, never in SQL: what `lower()` does depends on the database's locale. When it changes, `userd names
 * apply` brings what is stored into the new form.
 */
export const canonicalName = (text: string): string => {
  if (!BEYOND_ASCII.test(text)) {
    // Nearly every name ends here: look-ups by name are as fast as lower case is.
    const lower = text.toLowerCase();
    if (!lower.includes(PUNYCODE)) return lower;
  }
  const at = text.lastIndexOf("@") + 1;
  const domain = at === 0 || at === text.length ? undefined : unicodeDomain(text.slice(at));
  return domain === undefined ? fold(text) : fold(text.slice(0, at)) + domain;
};
