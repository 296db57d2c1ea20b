import { encodeKey } from "../../../src/versions/key.ts";
import { type Subject, userSubject } from "../../../src/versions/subject.ts";

/** What is read: one part of one subject. */
export type Key = { readonly subject: number; readonly part: number };

/** What the database shows of a key. */
export type Content = Key & {
  /** The epoch, and the version of the subject, in the snapshot that this was read from. */
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

/** The subject as the cache knows it. */
export const subjectOf = (subject: number): Subject => userSubject(BigInt(subject + 1));

/** The part as the cache knows it. */
export const partOf = ({ part }: Key): string => encodeKey(...(PARTS[part] ?? []));
