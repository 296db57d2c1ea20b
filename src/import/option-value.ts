import { DomainError } from "../errors.ts";
import { canonicalJson } from "../options/canonical.ts";
import { FieldFault, Unfit } from "./fault.ts";
import type { Field } from "./fields.ts";

/** What a stored text stands for: JSON, or, in rows older than that, itself. */
const decoded = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

/**
 * The value of an option as canonical JSON. Files hold JSON inside a string (`"\"Europe/Vienna\""`), plain JSON, or old
 * plain text (`Europe/Vienna`). What the API could neither write nor return is unfit.
 */
export const optionValue: Field<string> = (value) => {
  if (value === undefined) throw new FieldFault("is missing");
  try {
    return canonicalJson(typeof value === "string" ? decoded(value) : value);
  } catch (error) {
    if (error instanceof DomainError) throw new Unfit(error.violations[0]?.description ?? error.message, { cause: error });
    throw error;
  }
};
