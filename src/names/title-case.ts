/** Letters with a form for titles that is neither of their cases. */
const DIGRAPHS: ReadonlyMap<string, string> = new Map(
  ["Ǆǅǆ", "Ǉǈǉ", "Ǌǋǌ", "Ǳǲǳ"].flatMap(([upper = "", title = "", lower = ""]) => [upper, title, lower].map((letter) => [letter, title])),
);

/** The letters of Georgian, which sets whole words in capitals and no first letters. */
const IS_GEORGIAN = /[\u10d0-\u10fa\u10fd-\u10ff]/;

const IOTA_BELOW = "\u0345";

/** The form of a character that begins a title (Unicode's title-case mapping, SpecialCasing included). */
const titleCase = (character: string): string => {
  if (IS_GEORGIAN.test(character)) return character;
  const digraph = DIGRAPHS.get(character);
  if (digraph !== undefined) return digraph;
  const parts = character.normalize("NFD");
  // An iota below a letter stays where it is; in capitals it would stand beside it.
  if (parts.length > 1 && parts.endsWith(IOTA_BELOW)) return `${parts.slice(0, -1).toUpperCase()}${IOTA_BELOW}`.normalize("NFC");
  // What becomes several capitals (ß, ﬁ, և) has one in a title, which ŉ does not begin with.
  const [first = "", ...others] = character.toUpperCase();
  return others.length === 0 || character === "ŉ" ? first + others.join("") : first + others.join("").toLowerCase();
};

/** Returns a word with its first character in title case. */
export const capitalised = (word: string): string => {
  const [first = ""] = word;
  return titleCase(first) + word.slice(first.length);
};
