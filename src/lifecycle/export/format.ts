import { createHash, hash } from "node:crypto";

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

/** The digest of the rows of a table: SHA-256 over the SHA-256 of the text of each 1,000 rows. */
export type RowsDigest = {
  readonly add: (row: string) => void;
  /** Returns the digest in hex. No row can be added after that. */
  readonly hex: () => string;
};

/** Makes the digest of no rows yet. */
export const createDigest = (): RowsDigest => {
  const all = createHash("sha256");
  let [text, rows] = ["", 0];
  const addHash = () => {
    all.update(hash("sha256", text, "buffer"));
    [text, rows] = ["", 0];
  };
  return {
    add: (row) => {
      text += row;
      rows += 1;
      if (rows === ROWS_PER_HASH) addHash();
    },
    hex: () => {
      if (rows > 0) addHash();
      return all.digest("hex");
    },
  };
};

/** Returns what stands before the row in the lines of a part. */
export const prefixOf = ({ table, kind }: Pick<ManifestTable, "table" | "kind">): string =>
  `{"table":${JSON.stringify(table)},"kind":${JSON.stringify(kind)},"row":`;

/** Makes the line of a row. */
export const lineOf = (part: Pick<ManifestTable, "table" | "kind">, row: string): string => `${prefixOf(part)}${row}}`;
