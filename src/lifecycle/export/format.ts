import { createHash, type Hash, hash } from "node:crypto";

/** The name and version of the format of exports. */
export const FORMAT = "userd export";
/** The version of the format that this version of userd writes; it reads all versions up to this one. */
export const VERSION = 1;

/** What the rows of a part of an export are: of the person, what those refer to, or rows of others that only name the person. */
export type PartKind = "personal" | "context" | "mention";

/** A table in a manifest: the number of its rows in the file, and the digest of these in their order. */
export type ManifestTable = { readonly table: string; readonly kind: PartKind; readonly rows: number; readonly digest: string };

/** The first line of an export. */
export type Manifest = {
  readonly format: typeof FORMAT;
  readonly version: number;
  readonly scope: "user" | "organization" | "all";
  readonly userId?: string;
  readonly organizationId?: string;
  readonly exportTime: string;
  readonly withSecrets: boolean;
  readonly tables: readonly ManifestTable[];
};

/** The number of rows that are hashed together: a hash of each costs more than all else that an export does with a row. */
export const ROWS_PER_HASH = 1_000;

/** The most characters or bytes of rows that wait to be hashed. */
const MAX_UNHASHED = 1024 * 1024;

/** The digest of the rows of a table: SHA-256 over the SHA-256 of the text of each 1,000 rows. */
export type RowsDigest = {
  /** Adds the next rows, one behind the other. They end with a thousand, or before that. */
  readonly addTogether: (texts: string | Uint8Array, rows: number) => void;
  readonly add: (row: string) => void;
  /** Returns the digest in hex. No row can be added after that. */
  readonly hex: () => string;
};

/** Makes the digest of no rows yet. */
export const createDigest = (): RowsDigest => {
  const all = createHash("sha256");
  let block: Hash | undefined;
  let hashed = 0;
  let [waiting, text] = [0, ""];
  const addTogether = (texts: string | Uint8Array, rows: number): void => {
    hashed += rows;
    if (hashed < ROWS_PER_HASH) {
      block ??= createHash("sha256");
      block.update(texts);
      return;
    }
    all.update(block === undefined ? hash("sha256", texts, "buffer") : block.update(texts).digest());
    [block, hashed] = [undefined, 0];
  };
  const addWaiting = (): void => {
    addTogether(text, waiting);
    [waiting, text] = [0, ""];
  };
  return {
    addTogether,
    add: (row) => {
      text += row;
      waiting += 1;
      if (hashed + waiting === ROWS_PER_HASH || text.length > MAX_UNHASHED) addWaiting();
    },
    hex: () => {
      if (waiting > 0) addWaiting();
      if (block !== undefined) all.update(block.digest());
      return all.digest("hex");
    },
  };
};

/** Returns what stands before the row in the lines of a part. */
export const prefixOf = ({ table, kind }: Pick<ManifestTable, "table" | "kind">): string =>
  `{"table":${JSON.stringify(table)},"kind":${JSON.stringify(kind)},"row":`;

/** Makes the line of a row. */
export const lineOf = (part: Pick<ManifestTable, "table" | "kind">, row: string): string => `${prefixOf(part)}${row}}`;
