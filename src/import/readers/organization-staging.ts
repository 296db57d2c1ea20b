import { Unfit } from "../fault.ts";
import { type Field, int, key, nullable, optional } from "../fields.ts";
import { type StagingTable, TEXT } from "../staging.ts";

/** The columns that the staging tables of organizations, projects and teams share, as a map from name to SQL type. */
export const namedColumns = { name: TEXT, slug: TEXT, status: "smallint", create_time: "timestamptz(3)" } as const;

/** The staging table of the organizations in an import file, and of Sentry's replicas of them. */
export const organizations = {
  name: "import_organization",
  table: "organization",
  ofSeveralModels: true,
  columns: { ...namedColumns, flags: "bigint", open_membership: "boolean" },
  derived: { origin_name: TEXT },
  getsIds: true,
} as const satisfies StagingTable;

/**
 * Returns the id that a record has in one of two fields, such as `organization_id` and, in older exports, `organization`; undefined if both
 * are missing.
 * @throws Unfit when the two ids differ; `what` is the noun in the message.
 */
export const eitherIfAny = (first: bigint | null | undefined, second: bigint | null | undefined, what: string): bigint | undefined => {
  const value = first ?? second ?? undefined;
  if (value !== (second ?? value)) throw new Unfit(`it names two ${what}s`);
  return value;
};

/** Returns an id like `eitherIfAny`, but throws Unfit also when there is none. */
export const eitherOf = (first: bigint | null | undefined, second: bigint | null | undefined, what: string): bigint => {
  const value = eitherIfAny(first, second, what);
  if (value === undefined) throw new Unfit(`it names no ${what}`);
  return value;
};

/** Reads a field with the primary key of another record. The field may be absent or null: other exports have the key in another field. */
export const reference = optional(nullable(key));

/**
 * Makes a `Field` that reads the number of a status, and returns userd's number for it: `meanings[n]` for the number n. The field throws
 * Unfit when `meanings[n]` is missing (unknown) or null (being deleted).
 */
export const status =
  (meanings: readonly (number | null)[]): Field<number> =>
  (value) => {
    const meaning = meanings[Number(int(value))];
    if (meaning === undefined) throw new Unfit("is not known");
    if (meaning === null) throw new Unfit("says that it is being deleted");
    return meaning;
  };
