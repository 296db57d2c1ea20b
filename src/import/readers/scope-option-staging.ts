import { Unfit } from "../fault.ts";
import { type Field, text } from "../fields.ts";
import { type StagingTable, TEXT } from "../staging.ts";

/** The staging table of the scope options in an import file: global options, options of organizations and options of projects. */
export const scopeOptions = {
  name: "import_scope_option",
  table: "scope_option",
  ofSeveralModels: true,
  isLeaf: true,
  columns: { scope_kind: "smallint", scope_id: "bigint", key: TEXT, value: "jsonb", update_time: "timestamptz(3)" },
  getsIds: true,
} as const satisfies StagingTable;

/** Reads the key of a scope option. Throws Unfit for a key that the API would refuse. */
export const scopeOptionKey: Field<string> = (value) => {
  const read = text(10_000)(value);
  if (read.length > 128) throw new Unfit("is longer than 128 characters");
  if (!/^[A-Za-z0-9_.:-]+$/.test(read)) throw new Unfit("is not 1 to 128 characters of A-Z a-z 0-9 _ . : -");
  return read;
};
