import { Unfit } from "../fault.ts";
import { type Field, int, key, nullable, optional } from "../fields.ts";
import { type StagingTable, TEXT } from "../staging.ts";

/** The staging columns that organizations, projects and teams share. */
export const namedColumns = { name: TEXT, slug: TEXT, status: "smallint", create_time: "timestamptz(3)" } as const;

/** The staging table of the organizations in a file, and of replicas of them. */
export const organizations = {
  name: "import_organization",
  table: "organization",
  ofSeveralModels: true,
  columns: { ...namedColumns, flags: "bigint", open_membership: "boolean" },
  derived: { origin_name: TEXT },
  getsIds: true,
} as const satisfies StagingTable;

/**
 * Returns the id that a record names by the column or, in older exports, by the field; undefined if by neither.
 * @throws Unfit when it names two different ones.
 */
export const eitherIfAny = (first: bigint | null | undefined, second: bigint | null | undefined, what: string): bigint | undefined => {
  const value = first ?? second ?? undefined;
  if (value !== (second ?? value)) throw new Unfit(`it names two ${what}s`);
  return value;
};

/**
 * Returns the id like `eitherIfAny`.
 * @throws Unfit also when there is none.
 */
export const eitherOf = (first: bigint | null | undefined, second: bigint | null | undefined, what: string): bigint => {
  const value = eitherIfAny(first, second, what);
  if (value === undefined) throw new Unfit(`it names no ${what}`);
  return value;
};

/** Reads a reference that may be absent or null, since exports can have it under another name. */
export const reference = optional(nullable(key));

/**
 * Makes a `Field` for a status that the source writes as a number. `meanings` lists userd's status for each number; null means that
 * the thing is being deleted there, and skips the record.
 */
export const status =
  (meanings: readonly (number | null)[]): Field<number> =>
  (value) => {
    const meaning = meanings[Number(int(value))];
    if (meaning === undefined) throw new Unfit("is not known");
    if (meaning === null) throw new Unfit("says that it is being deleted");
    return meaning;
  };
