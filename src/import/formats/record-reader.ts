/** A reader of the records of one format, from text that comes piece by piece. Memory holds one record. Its methods throw ImportFault. */
export type RecordReader = {
  /** Reads a further piece of text, and returns the records that end in it. */
  readonly take: (text: string) => unknown[];
  /** Returns the last records, which end with the file. Call it after the last piece. */
  readonly end: () => unknown[];
  /** The place that the reader has reached: `record 3, at fields.email`. */
  readonly place: () => string;
  /** Most characters of one record. */
  readonly maxRecord: number;
};

/** Levels of lists and objects in a record; what is nested deeper can't be taken apart safely, and is no export. */
export const MAX_DEPTH = 500;

/** Escapes a name from a file as JSON does, and cuts it to 100 characters: it can't move the cursor of a terminal then. */
export const plain = (name: string): string => JSON.stringify(name.slice(0, 100)).slice(1, -1);
