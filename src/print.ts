/**
 * The characters that make a terminal or a reader see something else than what is there: control characters, by which a name could move the
 * cursor, and those that turn the direction of text.
 */
const deceiving = /(?!\n)[\p{Cc}\p{Bidi_Control}\u2028\u2029\ufeff]/gu;

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** Returns a text for a terminal: characters that could deceive a reader are escaped as in JSON; ends of lines stay. */
export const printable = (text: string): string => text.replace(deceiving, escaped);

/** Returns a text for one line of a terminal, for example a cell of a table: as `printable`, and ends of lines are escaped too. */
export const inOneLine = (text: string): string => printable(text).replaceAll("\n", "\\n");

/** Prints a text to standard output. What the service or a file has brought can't control the terminal; JSON means the same as before. */
export const print = (text: string): void => void process.stdout.write(printable(text));
