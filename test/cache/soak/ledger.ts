/** How fresh a read has to be. */
export type Kind = "default" | "token" | "strong" | "stale";

/** What one read asked for and got. */
export type Read = {
  readonly kind: Kind;
  /** When the client began it, in milliseconds. */
  readonly began: number;
  /** What it found; 0 = nothing stored. */
  readonly value: number;
  /** The value that its token stands for. */
  readonly floor?: number | undefined;
  /** How old the answer says that it is, in milliseconds; only of answers that are marked as stale. */
  readonly ageMs?: number | undefined;
};

/** The writes of one option, whose values only grow, and what follows from them for reads. */
export type Ledger = {
  /** A write of the next value begins. */
  readonly begin: () => number;
  /** It was acknowledged; `token` is what it was acknowledged with. */
  readonly acknowledge: (value: number, at: number, token: string) => void;
  /** The last acknowledged write, with its token. */
  readonly last: () => { readonly value: number; readonly token: string } | undefined;
  /** What is wrong with a read, if anything. */
  readonly judge: (read: Read) => string | undefined;
};

/** Clocks of two processes, and the milliseconds that durations are rounded to. */
const SLACK_MS = 10;
/** How many acknowledged writes are remembered: far more than fit into the longest age. */
const MAX_REMEMBERED = 2_000;

/** Makes the ledger of one option; `boundMs` is the promise of the service. */
export const createLedger = (boundMs: number): Ledger => {
  let started = 0;
  const acknowledged: { readonly value: number; readonly at: number; readonly token: string }[] = [];

  /** The newest value that was acknowledged before a moment. */
  const knownAt = (moment: number): number => {
    for (let index = acknowledged.length - 1; index >= 0; index -= 1) {
      const { value, at } = acknowledged[index] as (typeof acknowledged)[number];
      if (at <= moment) return value;
    }
    return 0;
  };
  return {
    begin: () => {
      started += 1;
      return started;
    },
    acknowledge: (value, at, token) => {
      acknowledged.push({ value, at, token });
      if (acknowledged.length > MAX_REMEMBERED) acknowledged.splice(0, MAX_REMEMBERED / 2);
    },
    last: () => acknowledged.at(-1),
    judge: ({ kind, began, value, floor, ageMs }) => {
      if (value > started) return `found ${value}, which nobody has written; the last write is ${started}`;
      const oldest = ageMs === undefined ? boundMs : Math.max(boundMs, ageMs);
      const least = kind === "strong" ? knownAt(began) : knownAt(began - oldest - SLACK_MS);
      if (value < least)
        return `found ${value}, but ${least} was acknowledged ${kind === "strong" ? "before" : `more than ${oldest} ms before`}`;
      if (floor !== undefined && value < floor) return `found ${value} with the token of ${floor}`;
      return undefined;
    },
  };
};
