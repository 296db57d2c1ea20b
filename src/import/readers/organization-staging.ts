import { Unfit } from "../fault.ts";
import { type Field, int, key, nullable, optional } from "../fields.ts";
import { type StagingTable, TEXT } from "../staging.ts";

/** The columns that the staging tables of organizations, projects and teams share, as a map from name to SQL type. */
export const namedColumns = { name: TEXT, slug: TEXT, status: "smallint", create_time: "timestamptz(3)" } as const;

/** The staging table of the organizations in an import file, including Sentry's replicas of organizations. */
export const organizations = {
  name: "import_organization",
  table: "organization",
  ofSeveralModels: true,
  columns: { ...namedColumns, flags: "bigint", open_membership: "boolean" },
  derived: { origin_name: TEXT },
  getsIds: true,
} as const satisfies StagingTable;

/**
 * Returns the id that a record has in one of two fields, such as `organization_id` and, in older exports, `organization`; undefined if both are
 * missing.
 * @param what the noun for the error message, such as `organization`.
 * @throws Unfit when the two ids differ.
 */
export const eitherIfAny = (first: bigint | null | undefined, second: bigint | null | undefined, what: string): bigint | undefined => {
  const value = first ?? second ?? undefined;
  if (value !== (second ?? value)) throw new Unfit(`it names two ${what}s`);
  return value;
};

/** Returns the id that a record has in one of two fields, as `eitherIfAny` does, but throws Unfit if both are missing. */
export const eitherOf = (first: bigint | null | undefined, second: bigint | null | undefined, what: string): bigint => {
  const value = eitherIfAny(first, second, what);
  if (value === undefined) throw new Unfit(`it names no ${what}`);
  return value;
};

/** Reads a field that holds the primary key of another record. The field may be absent or null. */
export const reference = optional(nullable(key));

/**
 * Makes a function (`Field`) that maps the number n of a status in the file to userd's number, `meanings[n]`. The function throws Unfit if
 * `meanings[n]` is missing (an unknown status) or null (the record is being deleted).
 */
export const status =
  (meanings: readonly (number | null)[]): Field<number> =>
  (value) => {
    const meaning = meanings[Number(int(value))];
    if (meaning === undefined) throw new Unfit("is not known");
    if (meaning === null) throw new Unfit("says that it is being deleted");
    return meaning;
  };
