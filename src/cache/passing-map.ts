/** A map whose entries come and go all the time, a few at once. */
export type PassingMap<V> = {
  readonly get: (name: string) => V | undefined;
  readonly set: (name: string, value: V) => void;
  readonly delete: (name: string) => void;
};

/** The deletions after which the entries move to a new map. */
const MANY = 64;

/**
 * Makes a map for what comes and goes. A Map of JavaScript gets a new table every few dozen entries, and the old table points to the new one: once a
 * table is old, it keeps all those that follow, with the entries that they had, until the next full collection (docs/adr/0019). Here a new map,
 * which no table points to, takes its place from time to time.
 */
export const createPassingMap = <V>(): PassingMap<V> => {
  let map = new Map<string, V>();
  let deletions = 0;
  return {
    get: (name) => map.get(name),
    set: (name, value) => void map.set(name, value),
    delete: (name) => {
      if (!map.delete(name)) return;
      deletions += 1;
      if (deletions < MANY || deletions < map.size) return;
      map = new Map(map);
      deletions = 0;
    },
  };
};
