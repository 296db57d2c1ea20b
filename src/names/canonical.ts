import { caseFold } from "unicode-case-folding";
import { unicodeDomain } from "./domain.ts";

const BEYOND_ASCII = /[^\0-\x7f]/;

/** The prefix of labels in Punycode. */
const PUNYCODE = "xn--";

/** Replaces fullwidth and halfwidth characters by the same characters in normal width (RFC 8265, section 3.3.1). */
export const mapWidth = (text: string): string => text.replace(/[\u3000\uff01-\uffee]/g, (wide) => wide.normalize("NFKC"));

/** Folds case by Unicode's canonical caseless match (D145), which depends on no context or language, after RFC 8265's width mapping. */
const fold = (text: string): string => caseFold(mapWidth(text).normalize("NFD")).normalize("NFC");

/**
 * Makes the canonical form of a name: two names with the same form are the same name. What follows an @ is mapped as a domain, where ß is not
 * ss. Don't make the form in SQL, where `lower()` depends on the database's locale. After a change of this function, `userd names apply` updates
 * the stored forms.
 */
export const canonicalName = (text: string): string => {
  if (!BEYOND_ASCII.test(text)) {
    // Nearly every name ends here, so most look-ups by name cost no more than `toLowerCase`.
    const lower = text.toLowerCase();
    if (!lower.includes(PUNYCODE)) return lower;
  }
  const at = text.lastIndexOf("@") + 1;
  const domain = at === 0 || at === text.length ? undefined : unicodeDomain(text.slice(at));
  return domain === undefined ? fold(text) : fold(text.slice(0, at)) + domain;
};
