import type { Kind } from "../contract/kinds/kind.ts";
import { camelCase } from "../contract/kinds/methods.ts";

/** Returns the camelCase name of the field that holds a resource of a kind in requests and answers. */
export const resourceField = ({ message }: Kind): string => message.name.charAt(0).toLowerCase() + message.name.slice(1);

/** Returns the camelCase name of the field that holds several resources of a kind in answers. */
export const severalField = ({ plural }: Kind): string => camelCase(plural);
