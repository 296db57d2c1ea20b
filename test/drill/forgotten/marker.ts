import { unique } from "../../support/build.ts";

/** What is looked for of people: words, in small letters, that nobody else has. */
export type Marker = {
  /** A word that names, texts and the host names of addresses can have. */
  readonly word: string;
  /** The beginning of IP addresses. */
  readonly network: string;
};

/** Makes a marker that nothing else has. */
export const createMarker = (): Marker => {
  const word = unique("marker");
  const [, a = "", b = ""] = /(.{4})(.{4})$/.exec(word) ?? [];
  // No group begins with a zero, which an address would not show.
  return { word, network: `fd00:a${a.slice(1)}:b${b.slice(1)}:` };
};

/** Returns the words of a marker. */
export const wordsOf = ({ word, network }: Marker): readonly string[] => [word, network];

/** Tells whether a text has a word of a marker, whatever the case of its letters. */
export const isMarked = (marker: Marker, text: string): boolean => wordsOf(marker).some((word) => text.toLowerCase().includes(word));
