import { invalidField } from "../errors.ts";
import { jsonOf, MAX_VALUE_LEVELS, toValue } from "./value.ts";

/** Tells whether JSON has more than `levels` levels. It does not recurse, since JSON from a file may be deep. */
const isDeeper = (json: unknown, levels: number): boolean => {
  let members = [json];
  for (let level = 0; members.length > 0; level += 1) {
    if (level === levels) return true;
    members = members.flatMap((member) => (typeof member === "object" && member !== null ? Object.values(member) : []));
  }
  return false;
};

/** Checks plain JSON by SetOption's rules for values, and returns the canonical JSON text to store. Throws INVALID_ARGUMENT as `jsonOf` does. */
export const canonicalJson = (json: unknown, field = "value"): string => {
  if (isDeeper(json, MAX_VALUE_LEVELS)) {
    throw invalidField(field, `is nested deeper than ${MAX_VALUE_LEVELS} levels`, "OPTION_VALUE_TOO_DEEP");
  }
  return jsonOf(toValue(json), field);
};
