import type { CompiledQuery } from "kysely";

/** A statement whose answer is one text, and whose parameters are texts, too. */
export type TextQuery = CompiledQuery<{ readonly answer: string }>;

/** The values of the parameters of a statement, by the names of its places (compiled.ts). */
export type Values = Readonly<Record<string, string | null>>;

/** How writes that are one statement each go together, as one statement and one commit for several. */
export type Together = {
  /**
   * Makes one statement of the values of several, which are of one caller and of as many aggregates. It waits for nobody's lock, and does all of a
   * write for each that it does not leave out.
   */
  readonly statement: (values: readonly Values[]) => TextQuery;
  /** Reads its answer: what each statement would have answered by itself; undefined for one that was left out. */
  readonly answers: (answer: string, count: number) => readonly (string | undefined)[];
};

/** A write of one aggregate that may go with others. */
export type Joining = { readonly together: Together; readonly aggregateId: bigint; readonly values: Values };
