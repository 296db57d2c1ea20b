import type { Kind } from "../contract/kinds/kind.ts";

/** Makes a function that calls `make` once for each kind, and remembers the result as long as the kind is in memory. */
export const oncePerKind = <T extends object>(make: (kind: Kind) => T): ((kind: Kind) => T) => {
  const kept = new WeakMap<Kind, T>();
  return (kind) => {
    const known = kept.get(kind);
    if (known !== undefined) return known;
    const made = make(kind);
    kept.set(kind, made);
    return made;
  };
};
