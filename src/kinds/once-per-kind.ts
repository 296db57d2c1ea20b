import type { Kind } from "../contract/kinds/kind.ts";
import { oncePer } from "../once-per.ts";

/** Makes a function that calls `make` once for each kind, and remembers the result as long as the kind is in memory. */
export const oncePerKind = <T>(make: (kind: Kind) => T): ((kind: Kind) => T) => oncePer(make);
