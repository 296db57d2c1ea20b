/** A map from the name of a model or field to the number of its occurrences in the file. */
export type Counts = ReadonlyMap<string, number>;

/** Counters of the records, models and fields that occur in a file. */
export type Tally = {
  readonly records: () => number;
  readonly read: (model: string) => void;
  /** Counts a member of a many-to-many field under a name of its own. It does not count as a record. */
  readonly link: (model: string) => void;
  readonly notHeld: (model: string) => void;
  readonly unknownField: (model: string, field: string) => void;
  readonly totals: () => { readonly read: Counts; readonly notHeld: Counts; readonly unknownFields: Counts };
};

/** Most names that are told apart: files may hold any, and memory must not grow with them. */
const MAX_NAMES = 1_000;
const OTHERS = "(others)";

const count = (counts: Map<string, number>, name: string): void => {
  const before = counts.get(name);
  if (before !== undefined || counts.size < MAX_NAMES) counts.set(name, (before ?? 0) + 1);
  else counts.set(OTHERS, (counts.get(OTHERS) ?? 0) + 1);
};

/** Makes the counters for one file, all of which begin at 0. */
export const createTally = (): Tally => {
  const read = new Map<string, number>();
  const notHeld = new Map<string, number>();
  const unknownFields = new Map<string, number>();
  let records = 0;
  return {
    records: () => records,
    read: (model) => {
      records += 1;
      count(read, model);
    },
    link: (model) => count(read, model),
    notHeld: (model) => {
      records += 1;
      count(notHeld, model.slice(0, 100));
    },
    unknownField: (model, field) => count(unknownFields, `${model}.${field.slice(0, 100)}`),
    totals: () => ({ read, notHeld, unknownFields }),
  };
};
