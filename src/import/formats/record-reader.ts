/** Reads the records of one format from text that comes piece by piece; memory holds one record. Its methods throw ImportFault. */
export type RecordReader = {
  /** The records that end in a further piece. */
  readonly take: (text: string) => unknown[];
  /** The records that end with the file. */
  readonly end: () => unknown[];
  /** The place that the reader has reached: `record 3, at fields.email`. */
  readonly place: () => string;
  /** Most characters of one record. */
  readonly maxRecord: number;
};

/** Levels of lists and objects in a record; what is nested deeper can't be taken apart safely, and is no export. */
export const MAX_DEPTH = 500;

/** Names of a file are shown as JSON: they can't move the cursor of a terminal. */
export const plain = (name: string): string => JSON.stringify(name.slice(0, 100)).slice(1, -1);
