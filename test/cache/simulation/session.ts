import type { ConsistencyToken } from "../../../src/versions/token.ts";
import { aggregateOf, type Content } from "./content.ts";
import { type Committed, epochName } from "./database.ts";
import type { Reached } from "./process.ts";

/** A client that carries a token from call to call, whichever process it talks to. */
export type Session = {
  readonly token: () => ConsistencyToken | undefined;
  /** What the token stands for, by aggregate. */
  readonly acknowledged: () => ReadonlyMap<number, Reached>;
  readonly answered: () => ReadonlyMap<number, Reached>;
  /** A write was acknowledged; a wide one names the time of the database instead of its aggregates. */
  readonly wrote: (committed: Committed, isWide: boolean) => void;
  readonly read: (answer: Content) => void;
};

const raise = (of: ReadonlyMap<number, Reached>, aggregate: number, reached: Reached): ReadonlyMap<number, Reached> => {
  const held = of.get(aggregate);
  return held !== undefined && held.version >= reached.version ? of : new Map(of).set(aggregate, reached);
};

/** Makes a session that has no token yet. Its maps are never changed: reads keep those that they began with. */
export const createSession = (): Session => {
  let epoch = -1;
  let acknowledged: ReadonlyMap<number, Reached> = new Map();
  let answered: ReadonlyMap<number, Reached> = new Map();
  let named: ReadonlyMap<number, Reached> = new Map();
  let time: number | undefined;

  /** Tokens of a new epoch forget what the old one's stood for: it may not have survived. False for an older one. */
  const enter = (next: number): boolean => {
    if (next < epoch) return false;
    if (next > epoch) {
      epoch = next;
      time = undefined;
      acknowledged = new Map();
      answered = new Map();
      named = new Map();
    }
    return true;
  };

  return {
    token: () =>
      epoch < 0
        ? undefined
        : {
            epoch: epochName(epoch),
            aggregates: [...named].map(([aggregate, { version }]) => ({ ...aggregateOf(aggregate), version })),
            ...(time !== undefined && { time }),
          },
    acknowledged: () => acknowledged,
    answered: () => answered,
    wrote: (committed, isWide) => {
      if (!enter(committed.epoch)) return;
      for (const { aggregate, version } of committed.aggregates) {
        acknowledged = raise(acknowledged, aggregate, { epoch, version });
        if (!isWide) named = raise(named, aggregate, { epoch, version });
      }
      if (isWide) time = Math.max(time ?? -Infinity, committed.time);
    },
    read: (answer) => {
      if (answer.partial || !enter(Number(answer.epoch.at(-1)) - 1)) return;
      answered = raise(answered, answer.aggregate, { epoch, version: answer.version });
      named = raise(named, answer.aggregate, { epoch, version: answer.version });
    },
  };
};
