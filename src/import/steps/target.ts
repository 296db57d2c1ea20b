import type { StagingTable } from "../staging.ts";

/** A staging table whose rows go into a table of the service. */
export type StoredStaging = StagingTable & { readonly table: string };

/** How the rows of a staging table become those of its table. */
export type Target = {
  readonly staging: StoredStaging;
  /** The columns that tell which row a staged row is. */
  readonly key: readonly string[];
  /** Further columns that are copied → what a new row gets when the file leaves them out. */
  readonly columns: Readonly<Record<string, string>>;
  /** Columns that are written besides → their expression when a row `t` is updated. */
  readonly stamps?: Readonly<Record<string, string>>;
  /** A time stamp of the row itself, and the columns whose last change it tells; all of them, where none are named. */
  readonly stamp?: { readonly column: string; readonly of?: readonly string[] };
};
