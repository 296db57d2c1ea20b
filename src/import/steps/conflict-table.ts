import { type StagingTable, TEXT } from "../staging.ts";

/** Records of the file whose id or name belongs to somebody else here; `canonical name` is what natural keys of users name. */
export const conflicts = {
  name: "import_conflict",
  columns: { kind: TEXT, name: TEXT, canonical: TEXT, name_here: TEXT, id_here: "bigint" },
} as const satisfies StagingTable;
