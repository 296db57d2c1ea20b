import { invalidField } from "../errors.ts";
import { isDomain } from "./domain.ts";
import { disallowedCharacter, usernameFault } from "./precis.ts";

/** The pattern of the proto's rule: ASCII as in HTML's input fields, and anything beyond ASCII. */
const ADDRESS =
  /^[^\0- "(),:;<>@[-\]\x7f]+@[^\0-/:-@[-`{-\x7f](?:[^\0-,./:-@[-`{-\x7f]{0,61}[^\0-/:-@[-`{-\x7f])?(?:\.[^\0-/:-@[-`{-\x7f](?:[^\0-,./:-@[-`{-\x7f]{0,61}[^\0-/:-@[-`{-\x7f])?)*$/;

const PLAIN = /^(?!.*xn--)[\0-\x7f]*$/is;

/**
 * Returns what is wrong with an email address, in words that follow the field's name; undefined = nothing. Before the @, letters, marks and
 * digits of all scripts are allowed; domains beyond ASCII have to follow UTS #46.
 */
export const addressFault = (address: string): string | undefined => {
  if (!ADDRESS.test(address)) return "must be an address";
  if (PLAIN.test(address)) return undefined;
  const at = address.lastIndexOf("@");
  if (!isDomain(address.slice(at + 1))) return "must be an address: what follows the @ is no domain";
  const character = disallowedCharacter(address.slice(0, at));
  return character && `must be an address: the character ${character} can't stand before the @`;
};

/** Checks an email address by `addressFault`, which is stricter than the proto's rules. Throws INVALID_ARGUMENT FIELD_INVALID. */
export const assertAddress = (address: string, field: string): void => {
  const fault = addressFault(address);
  if (fault !== undefined) throw invalidField(field, fault);
};

/** Checks that a new username follows PRECIS (`usernameFault`) or is a valid email address. Throws INVALID_ARGUMENT FIELD_INVALID. */
export const assertUsername = (username: string, field: string): void => {
  const fault = usernameFault(username);
  if (fault !== undefined && addressFault(username) !== undefined) throw invalidField(field, fault);
};
