import type { Random } from "../fuzz/random.ts";
import type { Fleet, FleetOptions } from "../support/fleet.ts";

/** The surroundings of one run of a drill. */
export type Stage = {
  /** Seeded: the same seed makes the same choices, though not the same timing. */
  readonly random: Random;
  readonly isShort: boolean;
  /** The PostgreSQL of the run. */
  readonly postgresUrl: string;
  /** One of two numbers: for the short run and for the long one. */
  readonly of: (short: number, long: number) => number;
  /** The time that a drill lasts, in milliseconds: of the short run, of the long one, or what `--minutes` says. */
  readonly lasts: (short: number, long: number) => number;
  /** Three services with default settings, two in the short run, which the drills share that leave them well. */
  readonly sharedFleet: () => Promise<Fleet>;
  /** Starts services over a database of their own in the run's PostgreSQL; they end with the drill. */
  readonly fleet: (options?: Omit<FleetOptions, "postgresUrl" | "redis"> & { readonly withRedis?: boolean }) => Promise<Fleet>;
  /** Prints at once what is wrong, as a sentence; the drill fails. */
  readonly complain: (complaint: string) => void;
  /** Disposes things with the drill. */
  readonly stack: AsyncDisposableStack;
};

/** What a drill came to. It passes with a figure up to `bound` and no complaint. */
export type Outcome = {
  readonly operations: number;
  readonly faults: number;
  readonly figure: number;
  readonly bound: number;
  /** What was wrong, each as a sentence. */
  readonly complaints: readonly string[];
  /** Figures besides, which are not judged. */
  readonly besides?: Readonly<Record<string, number | string>>;
};

/** A program that shows one or several rows of docs/scorecard.md. */
export type Drill = {
  /** The rows of the scorecard. */
  readonly rows: readonly [number, ...number[]];
  readonly name: string;
  /** What is done, and what the figure counts. */
  readonly about: string;
  /** Whether the short run has it. */
  readonly isInShort?: true;
  /** Whether it goes on for some time, whatever it comes to meanwhile; `--minutes` says for how long. */
  readonly lastsForSomeTime?: true;
  /** Why it can't run on this machine, if it can't. */
  readonly lacks?: () => string | undefined;
  readonly run: (stage: Stage) => Promise<Outcome>;
};
