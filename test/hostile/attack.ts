import { setTimeout as delay } from "node:timers/promises";
import type { ListenAddress } from "../../src/settings.ts";
import type { Polite } from "./polite.ts";
import type { Recorded } from "./work.ts";

/** One of the two ports of a service. */
export type Port = "grpc" | "http";

/** A service under attack, a process of its own that knows the callers `polite` and `greedy`; the token of each is its name. */
export type Target = {
  readonly pid: number;
  readonly address: (port: Port) => ListenAddress;
  readonly url: (port: Port) => string;
  /** A user with the option `timezone`, which the polite client reads. */
  readonly userId: bigint;
  /** The database of the service. */
  readonly databaseUrl: string;
  /** Megabytes of resident memory now. */
  readonly memoryMb: () => number;
  /** Open files of the process, sockets included. */
  readonly handles: () => number;
  /** Transactions that the database has ended since it was made. */
  readonly transactions: () => Promise<number>;
  /** Takes what the service has recorded of its work since the last time; the attack has to have asked for it with `recordsWork`. */
  readonly recorded: () => Promise<Recorded>;
  /** Starts another service like it over the same database. */
  readonly another: () => Promise<Target & AsyncDisposable>;
};

/** A figure that an attack is judged by: it passes up to `bound`, and with `atLeast` from there on. */
export type Finding = { readonly name: string; readonly value: number; readonly bound: number; readonly atLeast?: true };

/** How hard to attack. */
export type Strength = {
  readonly short: boolean;
  /** One of two numbers: for the short run and for the long one. */
  readonly of: (short: number, long: number) => number;
};

/**
 * An attack. The frame starts a service for it, and measures memory, open files and what a polite client sees before, during and after it; the
 * attack returns what it has measured besides.
 */
export type Attack = {
  readonly name: string;
  /** What the attacker does, as a phrase. */
  readonly about: string;
  /** Left out of the short run, unless it is named: it takes long, and another attack shows nearly the same. */
  readonly isLong?: true;
  /** Settings of the service besides the frame's. An empty text takes one of the frame's away. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Whether the service records its work, turn by turn. */
  readonly recordsWork?: true;
  /** Entries of the callers' file besides `polite` and `greedy`. */
  readonly callers?: readonly object[];
  readonly bounds?: Partial<Bounds>;
  readonly run: (target: Target, strength: Strength, polite: Pick<Polite, "apart">) => Promise<readonly Finding[]>;
};

/** What the frame holds every attack to. */
export type Bounds = {
  /** The most megabytes by which the memory may grow, at the highest. */
  readonly memoryMb: number;
  /** The most times that the polite client's 99th percentile may be that of before, if that is above `politeMs`. */
  readonly politeTimes: number;
  /** The 99th percentile that the polite client may see in any case, in milliseconds. */
  readonly politeMs: number;
  /** The longest that a new connection of the polite client may wait for its first answer at the 99th percentile, in milliseconds. */
  readonly newcomerMs: number;
  /** The most calls of the polite client that may fail. */
  readonly politeErrors: number;
};

/** The bounds of an attack that names none of its own. */
export const defaultBounds: Bounds = { memoryMb: 64, politeTimes: 3, politeMs: 250, newcomerMs: 1_000, politeErrors: 0 };

/** Makes the strength of a run. */
export const strengthOf = (short: boolean): Strength => ({ short, of: (less, more) => (short ? less : more) });

/** Repeats an attack that is over too soon for the polite client to see much of it, with a pause behind each time. */
export const forSeconds = async (seconds: number, once: () => Promise<unknown>): Promise<void> => {
  const end = performance.now() + seconds * 1_000;
  do {
    await once();
    await delay(200);
  } while (performance.now() < end);
};
