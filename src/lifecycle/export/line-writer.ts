import { createDigest, type ManifestTable, prefixOf, ROWS_PER_HASH } from "./format.ts";

/** How a row that was read becomes the bytes of its JSON. */
export type RowEncoding<Row> = {
  /** Returns the most bytes that the row can have. */
  readonly room: (row: Row) => number;
  /** Writes the row at a place of a buffer, and returns the end of what was written. */
  readonly encode: (row: Row, into: Buffer, at: number) => number;
};

/** The encoding of rows that are JSON already. */
export const jsonTexts: RowEncoding<string> = {
  // A character of UTF-16 is at most three bytes of UTF-8.
  room: ({ length }) => length * 3,
  encode: (row, into, at) => at + into.write(row, at),
};

/** The bytes of lines that are written at once, and those of rows that are hashed at once. */
const FULL = 1024 * 1024;

/** What takes the rows of one table. */
export type TableWriter<Row> = {
  /** Takes a row. With a promise, no more should come until that is resolved. */
  readonly add: (row: Row) => Promise<void> | undefined;
  /** Returns the table's line of the manifest. */
  readonly end: () => ManifestTable;
};

/** What takes the rows of an export, one table after the other. */
export type LineWriter = {
  readonly table: <Row>(of: Pick<ManifestTable, "table" | "kind">, encoding: RowEncoding<Row>) => TableWriter<Row>;
  /** Writes what has not been written yet. */
  readonly end: () => Promise<void>;
};

/** Returns a buffer that has room behind the bytes that are used. */
const withRoom = (buffer: Buffer, used: number, room: number): Buffer => {
  if (used + room <= buffer.length) return buffer;
  const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, used + room));
  buffer.copy(larger, 0, 0, used);
  return larger;
};

/**
 * Makes the lines of rows and their digests, and writes the lines in large pieces: while one is written, the next one is filled. Without `write` the
 * rows are counted only. `onRows` is told of rows as they come.
 */
export const createLineWriter = (write: ((bytes: Buffer) => Promise<void>) | undefined, onRows: (rows: number) => void): LineWriter => {
  let [lines, spare, length]: [Buffer, Buffer, number] = [Buffer.allocUnsafe(FULL * 2), Buffer.allocUnsafe(FULL * 2), 0];
  let texts: Buffer = Buffer.allocUnsafe(FULL * 2);
  let writing: Promise<void> | undefined;
  let failure: { readonly error: unknown } | undefined;

  /** Begins to write what is full, or returns the promise of what is written before that. */
  const flush = (): Promise<void> | undefined => {
    if (failure !== undefined) throw failure.error;
    if (writing !== undefined || write === undefined) return writing;
    const full = lines.subarray(0, length);
    [lines, spare, length] = [spare, lines, 0];
    writing = write(full)
      .catch((error: unknown) => {
        failure = { error };
      })
      .finally(() => {
        writing = undefined;
      });
    return undefined;
  };

  const table: LineWriter["table"] = (of, { room, encode }) => {
    const [digest, prefix] = [createDigest(), Buffer.from(prefixOf(of))];
    let [rows, waiting, used] = [0, 0, 0];
    const hashWaiting = () => {
      digest.addTogether(texts.subarray(0, used), waiting);
      rows += waiting;
      onRows(waiting);
      [waiting, used] = [0, 0];
    };
    return {
      add: (row) => {
        texts = withRoom(texts, used, room(row));
        const begin = used;
        used = encode(row, texts, begin);
        waiting += 1;
        if (write !== undefined) {
          lines = withRoom(lines, length, prefix.length + used - begin + 2);
          length += prefix.copy(lines, length);
          length += texts.copy(lines, length, begin, used);
          lines[length++] = 0x7d;
          lines[length++] = 0x0a;
        }
        if ((rows + waiting) % ROWS_PER_HASH === 0 || used > FULL) hashWaiting();
        return length > FULL ? flush() : undefined;
      },
      end: () => {
        if (waiting > 0) hashWaiting();
        return { table: of.table, kind: of.kind, rows, digest: digest.hex() };
      },
    };
  };

  const end = async (): Promise<void> => {
    await writing;
    await flush();
    await writing;
    if (failure !== undefined) throw failure.error;
  };
  return { table, end };
};
