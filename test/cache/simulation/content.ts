import { type Aggregate, userAggregate } from "../../../src/versions/aggregate.ts";
import { encodeKey } from "../../../src/versions/key.ts";

/** What is read: one part of one aggregate. */
export type Key = { readonly aggregate: number; readonly part: number };

/** What the database shows of a key. */
export type Content = Key & {
  /** The epoch, and the version of the aggregate, in the snapshot that this was read from. */
  readonly epoch: string;
  readonly version: bigint;
  /** Which write made it: no two have the same. 0 = none. */
  readonly serial: number;
  /** The serial again, where a careless reader can change it. */
  readonly inner: { serial: number };
  /** What a driver has when a statement ends early: it must never be taken for content. */
  readonly partial: boolean;
};

/** Two parts whose joined names collide, and one that is never served stale. */
export const PARTS = [
  ["theme", "dark/mode"],
  ["theme/dark", "mode"],
  ["is_active", ""],
] as const;

/** The first of the parts that only the database vouches for. */
export const FIRST_STRICT_PART = 2;

/** The aggregate as the cache knows it. */
export const aggregateOf = (aggregate: number): Aggregate => userAggregate(BigInt(aggregate + 1));

/** The part as the cache knows it. */
export const partOf = ({ part }: Key): string => encodeKey(...(PARTS[part] ?? []));
