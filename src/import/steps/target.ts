import type { StagingTable } from "../staging.ts";

/** The description of a staging table whose rows go into a permanent table. */
export type StoredStaging = StagingTable & { readonly table: string };

/** The description of how the rows of a staging table are matched with rows of the permanent table, and which columns are written. */
export type Target = {
  readonly staging: StoredStaging;
  /** The columns by which a staged row is found among the stored ones. */
  readonly key: readonly string[];
  /** Further columns that are copied, as a map from column to what a new row gets, in SQL, when the file leaves it out. */
  readonly columns: Readonly<Record<string, string>>;
  /** Columns that are also written when a row `t` is updated, as a map from column to expression in SQL. */
  readonly stamps?: Readonly<Record<string, string>>;
  /** The column with the time of the row's last change, and the columns whose changes it covers; all, where `of` is missing. */
  readonly stamp?: { readonly column: string; readonly of?: readonly string[] };
};
