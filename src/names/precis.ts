import { mapWidth } from "./canonical.ts";
import { isReadableLabel } from "./domain.ts";

/** The IdentifierClass of PRECIS (RFC 8264, section 4.2): the characters of new usernames, by the version of Unicode that V8 has. */

/** Section 9.6: characters whose properties say less than what they are used for. */
const ALLOWED_EXCEPTIONS = /[\u00df\u03c2\u06fd\u06fe\u0f0b\u3007]/u;
const REFUSED_EXCEPTIONS = /[\u0640\u07fa\u302e\u302f\u3031-\u3035\u303b]/u;
/** Section 9.9: conjoining jamo, which make other syllables than those that are encoded as one. */
const OLD_HANGUL_JAMO = /[\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7c6\ud7cb-\ud7fb]/u;
const IGNORABLE = /[\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/u;
const VISIBLE_ASCII = /[!-~]/;
const LETTER_OR_DIGIT = /[\p{Ll}\p{Lu}\p{Lo}\p{Lm}\p{Mn}\p{Mc}\p{Nd}]/u;

const JOINER = /[\u200c\u200d]/;

/** Characters that are allowed in some places (RFC 5892, appendix A), and the places: the text before and after. */
const CONTEXTUAL: readonly { readonly of: RegExp; readonly fits: (before: string, after: string) => boolean }[] = [
  // That joiners join something is checked for the name as a whole.
  { of: JOINER, fits: () => true },
  { of: /\u00b7/, fits: (before, after) => /l$/i.test(before) && /^l/i.test(after) },
  { of: /\u0375/, fits: (_, after) => /^\p{Script=Greek}/u.test(after) },
  { of: /[\u05f3\u05f4]/, fits: (before) => /\p{Script=Hebrew}$/u.test(before) },
  { of: /\u30fb/, fits: (before, after) => /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u.test(before + after) },
  { of: /[\u0660-\u0669]/, fits: (before, after) => !/[\u06f0-\u06f9]/.test(before + after) },
  { of: /[\u06f0-\u06f9]/, fits: (before, after) => !/[\u0660-\u0669]/.test(before + after) },
];

const isAllowed = (character: string): boolean => {
  if (ALLOWED_EXCEPTIONS.test(character) || VISIBLE_ASCII.test(character)) return true;
  if (REFUSED_EXCEPTIONS.test(character) || OLD_HANGUL_JAMO.test(character) || IGNORABLE.test(character)) return false;
  // What has a compatibility equivalent looks like it.
  return character.normalize("NFKC") === character.normalize("NFC") && LETTER_OR_DIGIT.test(character);
};

/** The name of a character in errors: its number, since it may be invisible. */
const nameOf = (character: string): string => `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;

/** A name after width mapping (RFC 8265, section 3.3.1) and NFC, so that canonically equal names are judged alike. */
const prepared = (name: string): string => mapWidth(name).normalize("NFC");

/** Returns the code point, such as `U+0020`, of the first character that a name must not have at that place; undefined = there is none. */
export const disallowedCharacter = (text: string): string | undefined => {
  const characters = [...prepared(text)];
  const index = characters.findIndex((character, at) => {
    const rule = CONTEXTUAL.find(({ of }) => of.test(character));
    return rule === undefined ? !isAllowed(character) : !rule.fits(characters.slice(0, at).join(""), characters.slice(at + 1).join(""));
  });
  const found = characters[index];
  return found === undefined ? undefined : nameOf(found);
};

const BEYOND_ASCII = /[^\0-\x7f]/;

/** A name as one label, for the rules of text from right to left, which are those of a label: to these, dots are as neutral as commas. */
const asLabel = (name: string): string => prepared(name).replaceAll(".", ",");

/** Returns what UsernameCaseMapped (RFC 8265, section 3.3) refuses in a name, in words that follow the field's name; undefined = nothing. */
export const usernameFault = (name: string): string | undefined => {
  const character = disallowedCharacter(name);
  if (character !== undefined) {
    return `must not contain the character ${character}${character === "U+0020" ? " (a space)" : ""}: letters, digits and the symbols of ASCII can stand in it`;
  }
  if (BEYOND_ASCII.test(name) && !isReadableLabel(asLabel(name))) {
    return "must not mix directions of writing, or begin with a mark or a joiner";
  }
  return undefined;
};
