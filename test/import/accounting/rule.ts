import type { Answer } from "./answers.ts";
import type { FileRecord } from "./records.ts";
import type { World } from "./world.ts";

/** What a record of the file is here: its answer, and its row for what no RPC answers. */
export type Found = {
  /** Tells it from all others: two records with one name are the same one here. */
  readonly name: string;
  readonly answer: Answer;
  readonly row?: () => Promise<Answer | undefined>;
};

/** What a field has to be seen as. `anything`: the file says nothing by it. */
export type Expect = (value: unknown, record: FileRecord, world: World) => unknown;

/** Nothing is expected. */
export const anything = Symbol("anything");

/** How one field of a record is seen. */
export type Check =
  /** In an answer, at a path. */
  | { readonly how: "answered"; readonly path: string; readonly expect: Expect; readonly column: string }
  /** No RPC answers it, for a reason; the column does. */
  | { readonly how: "stored"; readonly column: string; readonly expect: Expect; readonly reason: string }
  /** In the answer is a member for each of its own; those that are not have lines of their own, of a model of their own. */
  | { readonly how: "listed"; readonly path: string; readonly expect: (member: unknown, world: World) => unknown; readonly model: string }
  /** It says which answer it is: were it another one, the answer would not be found. */
  | { readonly how: "key" }
  /** A field of a project's own: userd knows nothing of it, and the report counts it. */
  | { readonly how: "unknown" }
  /** docs/import.md says that it is not held; the report counts it with the reason. */
  | { readonly how: "ignored" };

/** How the records of a model are seen. */
export type Rule = {
  readonly model: string;
  readonly find: (record: FileRecord, world: World) => Promise<Found | undefined>;
  readonly fields: Readonly<Record<string, Check | readonly Check[]>>;
};

const same: Expect = (value) => value;

/** In the answer; `column` is what notes call it, where that is not the name of the field. */
export const answered = (path: string, expect: Expect = same, column = ""): Check => ({ how: "answered", path, expect, column });
/** In a row only. */
export const stored = (column: string, reason: string, expect: Expect = same): Check => ({ how: "stored", column, reason, expect });
/** As members of a list. */
export const listed = (path: string, model: string, expect: (member: unknown, world: World) => unknown): Check => ({
  how: "listed",
  path,
  model,
  expect,
});
/** It finds the answer. */
export const key: Check = { how: "key" };
/** Documented as not held. */
export const ignored: Check = { how: "ignored" };

/** A project's own. */
export const unknown: Check = { how: "unknown" };

/** A time, as far as userd keeps it: to the millisecond. */
export const timeOf = (value: unknown): string | null => {
  if (value === null || value === undefined || value === "") return null;
  const text = String(value);
  return new Date(/[Zz]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`).toISOString();
};

/** A time; without one, none. */
export const time: Expect = (value) => timeOf(value);
/** A time; one that is null says nothing. */
export const timeIfSaid: Expect = (value) => (value === null ? anything : timeOf(value));
/** A boolean; null is false. */
export const flag: Expect = (value) => value ?? false;
/** Text without the white space around it; null is empty. */
export const text: Expect = (value) => value ?? "";
/** An id or another integer of 64 bits, as JSON has it. */
export const integer: Expect = (value) => String(value ?? 0);
/** Null says nothing. */
export const ifSaid =
  (expect: Expect): Expect =>
  (value, record, world) =>
    value === null ? anything : expect(value, record, world);
/** One of several names, by number or name. */
export const oneOf =
  (names: Readonly<Record<string, unknown>>): Expect =>
  (value) =>
    names[String(value)];

/** A list that may be JSON inside a string, or as Python writes it. */
export const listOf = (value: unknown): unknown[] => {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value as unknown[];
  // Some exports have an empty object for an empty list.
  if (typeof value === "object" && Object.keys(value).length === 0) return [];
  return JSON.parse(String(value).replaceAll("'", '"')) as unknown[];
};

/** What a stored text stands for: JSON of text, of a list or of an object; or itself. */
export const value: Expect = (given) => {
  if (typeof given !== "string" || !/^\s*["[{]/.test(given)) return given;
  try {
    return JSON.parse(given);
  } catch {
    return given;
  }
};
