import { Unfit } from "../fault.ts";
import { type Plain, text } from "../fields.ts";

/** The most characters of a permission: `app.codename`, as Django limits the two. */
const MAX_PERMISSION = 201;

/** The largest number of permissions that a role may have, the same as in the API. */
export const MAX_PERMISSIONS = 5_000;

/** Reads the name of a permission. Throws Unfit for a name that the API would refuse. */
export const permission: Plain<string> = (value) => {
  const name = text(1_000)(value);
  if (name.length > MAX_PERMISSION || !/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$/.test(name)) {
    throw new Unfit(`is not 1 to ${MAX_PERMISSION} letters, digits, "_" and "-" with a dot between`);
  }
  return name;
};
