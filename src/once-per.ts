/** Makes a function that calls `make` once for each object, and remembers the result as long as the object is in memory. */
export const oncePer = <K extends object, T>(make: (of: K) => T): ((of: K) => T) => {
  const kept = new WeakMap<K, T>();
  return (of) => {
    const known = kept.get(of);
    if (known !== undefined || kept.has(of)) return known as T;
    const made = make(of);
    kept.set(of, made);
    return made;
  };
};
