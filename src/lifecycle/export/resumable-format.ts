/** The name of the format of exports that can be gone on with: the exports of single users, between a line of the beginning and one of the end. */
export const FORMAT = "userd resumable export";
/** The version of that format. */
export const VERSION = 1;

/** The first line. A watcher that begins at its position hears of every change that a user's export does not have. */
export type Beginning = {
  readonly format: typeof FORMAT;
  readonly version: number;
  readonly startTime: string;
  readonly startPosition: string;
  readonly withSecrets: boolean;
};

/** The last line: until it is there the file is not done. */
export type End = { readonly endTime: string; readonly endPosition: string; readonly users: number };

/** Reads a line of an export that is an object; what is none has no fields. */
export const parsedLine = <T extends object>(line: string): Partial<T> => {
  try {
    const read: unknown = JSON.parse(line);
    return typeof read === "object" && read !== null ? read : {};
  } catch {
    return {};
  }
};
