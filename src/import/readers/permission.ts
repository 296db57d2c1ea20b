import { Unfit } from "../fault.ts";
import type { Field } from "../fields.ts";

/** Longest permission that is stored: `app.codename` as Django bounds the two. */
const MAX_PERMISSION = 201;

/** A permission that the database can hold. The API's own rule is narrower: what is there already is kept as it is. */
export const permission =
  (read: Field<string>): Field<string> =>
  (value) => {
    const name = read(value);
    if (name === "" || name.length > MAX_PERMISSION) throw new Unfit(`is not 1 to ${MAX_PERMISSION} characters`);
    return name;
  };
