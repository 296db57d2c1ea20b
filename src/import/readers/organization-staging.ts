import { Unfit } from "../fault.ts";
import { type Field, int, key, nullable, optional } from "../fields.ts";
import { type StagingTable, TEXT } from "../staging.ts";

/** The columns of organizations, projects and teams. */
export const namedColumns = { name: TEXT, slug: TEXT, status: "smallint", create_time: "timestamptz(3)" } as const;

/** The organizations of a file, and replicas of them. */
export const organizations = {
  name: "import_organization",
  table: "organization",
  ofSeveralModels: true,
  columns: { ...namedColumns, flags: "bigint", open_membership: "boolean" },
  derived: { origin_name: TEXT },
  getsIds: true,
} as const satisfies StagingTable;

/** The id that a record names by the column or, in older exports, by the field; undefined if by neither. */
export const eitherIfAny = (first: bigint | null | undefined, second: bigint | null | undefined, what: string): bigint | undefined => {
  const value = first ?? second ?? undefined;
  if (value !== (second ?? value)) throw new Unfit(`it names two ${what}s`);
  return value;
};

/** Like `eitherIfAny`, for an id that is never missing. */
export const eitherOf = (first: bigint | null | undefined, second: bigint | null | undefined, what: string): bigint => {
  const value = eitherIfAny(first, second, what);
  if (value === undefined) throw new Unfit(`it names no ${what}`);
  return value;
};

/** A reference that may be called otherwise. */
export const reference = optional(nullable(key));

/** A status as the source numbers it; `meanings` are ours, and null = it is being deleted there. */
export const status =
  (meanings: readonly (number | null)[]): Field<number> =>
  (value) => {
    const meaning = meanings[Number(int(value))];
    if (meaning === undefined) throw new Unfit("is not known");
    if (meaning === null) throw new Unfit("says that it is being deleted");
    return meaning;
  };
