import type { Content, Key } from "./content.ts";
import type { Process, Reached } from "./process.ts";
import type { Truth } from "./truth.ts";

/** One read, as its caller saw it; all times are real. */
export type Read = {
  readonly process: Process;
  readonly keys: readonly Key[];
  readonly strong: boolean;
  /** Of its token, if it has one. */
  readonly tokenEpoch: string | undefined;
  /** By aggregate, the writes that the token stands for, and the answers. */
  readonly acknowledged: ReadonlyMap<number, Reached>;
  readonly answered: ReadonlyMap<number, Reached>;
  /** What this process had acknowledged before, by aggregate. */
  readonly written: ReadonlyMap<number, Reached>;
  readonly maxStaleMs: number | undefined;
  readonly begin: number;
  readonly end: number;
  readonly cancelled: boolean;
  readonly stale: boolean;
  readonly ageMs: number;
  /** None of an answer and an error is there when the call was cancelled. */
  readonly answer?: readonly Content[];
  readonly error?: unknown;
};

/** Something that was put into the shared store. */
export type Stored = { readonly key: string; readonly value: unknown; readonly at: number };

/** All that the checker looks at. */
export type History = {
  readonly boundMs: number;
  readonly truth: Truth;
  readonly reads: readonly Read[];
  /** What failed a write that was committed. */
  readonly failedWrites: readonly unknown[];
  readonly stored: readonly Stored[];
  /** When the clock of a primary was stepped, and how far, in milliseconds. */
  readonly steps: readonly { readonly at: number; readonly by: number }[];
};
