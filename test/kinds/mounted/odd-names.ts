import type { Change } from "./set.ts";

/** A name that a team may choose for a kind: a word of SQL. */
export const word: readonly Change[] = [["message TicketNote {", "message Position {"]];

/** The same, with numbers in the names of a field and a key. A mask in JSON can't name line_2: nothing tells it from line2 there. */
export const wordAndNumbers: readonly Change[] = [
  ...word,
  ["optional string text = 4", "optional string line_2 = 4"],
  ['keys: {name: "number"', 'keys: {name: "number_1"'],
];
