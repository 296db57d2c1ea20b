import type { Key } from "./content.ts";

/** A version of one aggregate, from a moment on. */
export type State = { readonly from: number; readonly version: bigint; readonly serials: readonly number[] };

type Span = { readonly serial: number; readonly from: number; until: number };

/** What really happened in the database: which no process sees, and which the checker compares answers with. */
export type Truth = {
  readonly epochs: () => number;
  /** The database goes on under a new epoch with these states, by aggregate. */
  readonly beginEpoch: (now: number, states: readonly State[]) => void;
  readonly changed: (aggregate: number, state: State) => void;
  /** The clock of the database was read. */
  readonly clockRead: (databaseTime: number, now: number) => void;
  /** Whether a content was current at some moment between two. */
  readonly wasCurrent: (key: Key, serial: number, from: number, until: number) => boolean;
  /** The states of an aggregate in an epoch, in the order of their commits. */
  readonly states: (epoch: number, aggregate: number) => readonly State[];
  /** When the clock of an epoch's primary first showed this time. */
  readonly momentOf: (epoch: number, databaseTime: number) => number | undefined;
};

/** Makes the truth of a database before its first epoch. */
export const createTruth = (parts: number): Truth => {
  const spans: Span[][] = [];
  const epochs: State[][][] = [];
  const moments: Map<number, number>[] = [];

  const note = (aggregate: number, { from, serials }: State): void => {
    for (const [part, serial] of serials.entries()) {
      spans[aggregate * parts + part] ??= [];
      const list = spans[aggregate * parts + part] as Span[];
      const last = list.at(-1);
      if (last?.serial === serial) continue;
      if (last !== undefined) last.until = from;
      list.push({ serial, from, until: Infinity });
    }
  };

  return {
    epochs: () => epochs.length,
    beginEpoch: (now, states) => {
      const begun = states.map((state) => ({ ...state, from: now }));
      epochs.push(begun.map((state) => [state]));
      moments.push(new Map());
      for (const [aggregate, state] of begun.entries()) note(aggregate, state);
    },
    changed: (aggregate, state) => {
      epochs.at(-1)?.[aggregate]?.push(state);
      note(aggregate, state);
    },
    clockRead: (databaseTime, now) => {
      const known = moments.at(-1);
      // A clock that was stepped back shows a time again. What says that time may speak of either moment.
      if (known?.has(databaseTime) === false) known.set(databaseTime, now);
    },
    wasCurrent: ({ aggregate, part }, serial, from, until) =>
      (spans[aggregate * parts + part] ?? []).some((span) => span.serial === serial && span.from <= until && span.until >= from),
    states: (epoch, aggregate) => epochs[epoch]?.[aggregate] ?? [],
    momentOf: (epoch, databaseTime) => moments[epoch]?.get(databaseTime),
  };
};
