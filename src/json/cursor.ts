import { DomainError, invalidField } from "../errors.ts";

/** One step of the path to a value in JSON: a field by its proto name, an index, or the name of a member that is no field. */
export type Step = string | number | readonly [name: string];

/** A JSON text, the offset `at` up to which it has been read, and the path of the value that is being read. */
export type Cursor = {
  readonly text: string;
  /** Tells whether bytes that are no UTF-8 were replaced by U+FFFD in the text. */
  readonly isLossy: boolean;
  at: number;
  depth: number;
  readonly path: Step[];
  /** The offsets in the text of integers that `JSON.parse` would round: the beginning and the end of each, in order. */
  readonly rounded: number[];
};

/** Makes a cursor at the beginning of a text. `isLossy` tells whether U+FFFD replaced bytes in the text that are not UTF-8. */
export const cursorOf = (text: string, isLossy = false): Cursor => ({ text, isLossy, at: 0, depth: 0, path: [], rounded: [] });

/** The pattern of names that an error may repeat, since a field could have them. Other names may be an address or a secret, or endless. */
const harmless = /^[A-Za-z_$][\w$]{0,63}$/;

const written = (step: Step): string => {
  if (typeof step === "number") return `[${step}]`;
  if (typeof step === "string") return `.${step}`;
  return harmless.test(step[0]) ? `.${step[0]}` : "[…]";
};

/** The most steps of a path that an error tells. */
const MAX_PATH = 20;

const placeOf = ({ path }: Cursor): string => {
  const place = path.slice(0, MAX_PATH).map(written).join("").replace(/^\./, "");
  return path.length > MAX_PATH ? `${place}…` : place;
};

/** Makes the error for an unusable value at the cursor; `description` completes a sentence that begins with the path of the value. */
export const refused = (cursor: Cursor, description: string): DomainError => {
  const place = placeOf(cursor);
  return place === "" ? new DomainError("Invalid", "FIELD_INVALID", `The request ${description}.`) : invalidField(place, description);
};

/** Makes the error for a member that is no field or occurs twice, and appends the member's name to the path of the cursor. */
export const refusedMember = (cursor: Cursor, name: string, description: string): DomainError => {
  cursor.path.push([name]);
  return refused(cursor, description);
};

/** Makes the error that the text is not well-formed JSON. The message names the character at the cursor as the wrong one. */
export const malformed = (cursor: Cursor): DomainError => {
  const place = placeOf(cursor);
  const where = place === "" ? "" : ` (in ${place})`;
  const violations = place === "" ? [] : [{ field: place, description: "is not well-formed JSON" }];
  const sentence = `The request is not well-formed JSON: character ${cursor.at + 1}${where} is not what can stand there.`;
  return new DomainError("Invalid", "FIELD_INVALID", sentence, { violations });
};

/** The most levels of nested messages and values: protobuf's own limit, in all its formats. */
const MAX_DEPTH = 100;

/**
 * Adds 1 to the cursor's depth at the beginning of a nested message or value; the caller subtracts 1 at its end. Throws DomainError for more
 * than 100 levels.
 */
export const enter = (cursor: Cursor): void => {
  cursor.depth += 1;
  if (cursor.depth > MAX_DEPTH) throw refused(cursor, `is nested over ${MAX_DEPTH} levels deep`);
};
