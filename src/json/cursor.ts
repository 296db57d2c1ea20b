import { DomainError, invalidField } from "../errors.ts";

/** A step on the way to a value: a field by its proto name, an index, or the name of a member that is no field. */
export type Step = string | number | readonly [name: string];

/** A place in a JSON text, and how it was reached. */
export type Cursor = {
  readonly text: string;
  /** True if bytes that are no UTF-8 were replaced by U+FFFD in the text. */
  readonly isLossy: boolean;
  at: number;
  depth: number;
  readonly path: Step[];
  /** The places where integers begin and end that `JSON.parse` would round. */
  readonly rounded: number[];
};

/** A cursor at the beginning of a text. */
export const cursorOf = (text: string, isLossy = false): Cursor => ({ text, isLossy, at: 0, depth: 0, path: [], rounded: [] });

/** Names that a field could have, which an error can repeat: others may be an address or a secret, or endless. */
const harmless = /^[A-Za-z_$][\w$]{0,63}$/;

const written = (step: Step): string => {
  if (typeof step === "number") return `[${step}]`;
  if (typeof step === "string") return `.${step}`;
  return harmless.test(step[0]) ? `.${step[0]}` : "[…]";
};

/** Longest path that is told whole; the nesting of a value has no end that anybody reads. */
const MAX_PATH = 20;

const placeOf = ({ path }: Cursor): string => {
  const place = path.slice(0, MAX_PATH).map(written).join("").replace(/^\./, "");
  return path.length > MAX_PATH ? `${place}…` : place;
};

/** The value at the cursor can't be used; `description` completes the sentence that begins with its place. */
export const refused = (cursor: Cursor, description: string): DomainError => {
  const place = placeOf(cursor);
  return place === "" ? new DomainError("Invalid", "FIELD_INVALID", `The request ${description}.`) : invalidField(place, description);
};

/** The member at the cursor can't be used, whose name is no field's. */
export const refusedMember = (cursor: Cursor, name: string, description: string): DomainError => {
  cursor.path.push([name]);
  return refused(cursor, description);
};

/** The text is no JSON here. */
export const malformed = (cursor: Cursor): DomainError => {
  const place = placeOf(cursor);
  const where = place === "" ? "" : ` (in ${place})`;
  const violations = place === "" ? [] : [{ field: place, description: "is not well-formed JSON" }];
  const sentence = `The request is not well-formed JSON: character ${cursor.at + 1}${where} is not what can stand there.`;
  return new DomainError("Invalid", "FIELD_INVALID", sentence, { violations });
};

/** Protobuf's own limit, of all its formats. */
const MAX_DEPTH = 100;

/** Enters a message or a value; whoever leaves it takes 1 off the depth. */
export const enter = (cursor: Cursor): void => {
  cursor.depth += 1;
  if (cursor.depth > MAX_DEPTH) throw refused(cursor, `is nested over ${MAX_DEPTH} levels deep`);
};
