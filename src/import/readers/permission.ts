import { Unfit } from "../fault.ts";
import { type Plain, text } from "../fields.ts";

/** The most characters of a permission: `app.codename`, as Django limits the two. */
const MAX_PERMISSION = 201;

/** The most permissions of a role, as in the API: a request can't write more. */
export const MAX_PERMISSIONS = 5_000;

/** Reads the name of a permission, and throws Unfit if it breaks the rules of the API: no call could check or write such a permission. */
export const permission: Plain<string> = (value) => {
  const name = text(1_000)(value);
  if (name.length > MAX_PERMISSION || !/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$/.test(name)) {
    throw new Unfit(`is not 1 to ${MAX_PERMISSION} letters, digits, "_" and "-" with a dot between`);
  }
  return name;
};
