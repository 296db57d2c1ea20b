import { type StagingTable, TEXT } from "../staging.ts";

/**
 * The staging table of conflicts: records of the file whose id or name belongs to another record in the database. `canonical` is the
 * name, in canonical form, by which natural keys name a user.
 */
export const conflicts = {
  name: "import_conflict",
  columns: { kind: TEXT, name: TEXT, canonical: TEXT, name_here: TEXT, id_here: "bigint" },
} as const satisfies StagingTable;
