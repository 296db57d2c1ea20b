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
 * Returns the id that exports have in a column (`organization_id`) or, older ones, in a field (`organization`); undefined if in neither.
 * @throws Unfit when the two differ; the message calls them `what`.
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

/** Reads the primary key of another record. It may be absent or null, since exports can have it under another name. */
export const reference = optional(nullable(key));

/**
 * Makes a `Field` that reads a status. In `meanings`, userd's status stands at the index that is the number in the file. Null there means
 * "being deleted", and makes the field throw Unfit.
 */
export const status =
  (meanings: readonly (number | null)[]): Field<number> =>
  (value) => {
    const meaning = meanings[Number(int(value))];
    if (meaning === undefined) throw new Unfit("is not known");
    if (meaning === null) throw new Unfit("says that it is being deleted");
    return meaning;
  };
