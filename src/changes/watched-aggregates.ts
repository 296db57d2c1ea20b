/** Watchers by what they watch: a change of an aggregate that nobody watches costs none of them anything. */
export type WatchedAggregates<W> = {
  /** Adds a watcher of some aggregates, "KIND/ID"; undefined = of all. */
  readonly add: (watcher: W, aggregates: ReadonlySet<string> | undefined) => void;
  readonly remove: (watcher: W, aggregates: ReadonlySet<string> | undefined) => void;
  readonly clear: () => void;
  /** Calls a function for each watcher of an aggregate. */
  readonly each: (aggregate: string, visit: (watcher: W) => void) => void;
  /** Returns all aggregates that are watched, if they are few enough to be asked for by name; undefined = all, or too many. */
  readonly few: () => readonly string[] | undefined;
};

/** The most aggregates that a statement names: beyond them, naming costs as much as reading what nobody watches. */
const FEW = 256;

/** Makes an index of watchers. */
export const createWatchedAggregates = <W>(): WatchedAggregates<W> => {
  const byAggregate = new Map<string, Set<W>>();
  const ofAll = new Set<W>();
  /** Made when it is asked for, and again when somebody comes or goes. */
  let names: readonly string[] | undefined;
  return {
    add: (watcher, aggregates) => {
      names = undefined;
      if (aggregates === undefined) ofAll.add(watcher);
      for (const aggregate of aggregates ?? []) {
        const known = byAggregate.get(aggregate) ?? new Set();
        byAggregate.set(aggregate, known.add(watcher));
      }
    },
    remove: (watcher, aggregates) => {
      names = undefined;
      ofAll.delete(watcher);
      for (const aggregate of aggregates ?? []) {
        const known = byAggregate.get(aggregate);
        known?.delete(watcher);
        if (known?.size === 0) byAggregate.delete(aggregate);
      }
    },
    clear: () => {
      names = undefined;
      byAggregate.clear();
      ofAll.clear();
    },
    each: (aggregate, visit) => {
      for (const watcher of byAggregate.get(aggregate) ?? []) visit(watcher);
      for (const watcher of ofAll) visit(watcher);
    },
    few: () => {
      if (ofAll.size > 0 || byAggregate.size > FEW) return undefined;
      names ??= [...byAggregate.keys()];
      return names;
    },
  };
};
