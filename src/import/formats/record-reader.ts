/**
 * A parser of records in one format, for text that comes piece by piece. It holds one record at a time in memory. Its methods throw
 * ImportFault.
 */
export type RecordReader = {
  /** Reads a further piece of text, and returns the records that end in it. */
  readonly take: (text: string) => unknown[];
  /** Returns the last records, which end with the file. Call it after the last piece. */
  readonly end: () => unknown[];
  /** The place that the reader has reached: `record 3, at fields.email`. */
  readonly place: () => string;
  /** The most characters of one record. */
  readonly maxRecord: number;
};

/** The maximum nesting of lists and objects in a record. Deeper records are refused, since recursion could overflow the stack. */
export const MAX_DEPTH = 500;

/** Cuts a name from a file to 100 characters and escapes it as JSON does, so that the name can't move the cursor of a terminal. */
export const plain = (name: string): string => JSON.stringify(name.slice(0, 100)).slice(1, -1);
