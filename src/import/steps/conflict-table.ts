import { type StagingTable, TEXT } from "../staging.ts";

/** The staging table of the conflicts that an import finds. `canonical` is a user's username in canonical form; null for other records. */
export const conflicts = {
  name: "import_conflict",
  columns: { kind: TEXT, name: TEXT, canonical: TEXT, name_here: TEXT, id_here: "bigint" },
} as const satisfies StagingTable;
