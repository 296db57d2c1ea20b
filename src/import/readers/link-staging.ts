import { filled } from "../fields.ts";
import { TEXT, userReferenceColumns } from "../staging.ts";

/** The columns that the staging tables of identities and auth identities share, as a map from name to SQL type. */
export const linkColumns = {
  ...userReferenceColumns,
  parent_model: TEXT,
  parent_pk: "bigint",
  parent_name: TEXT,
  external_id: TEXT,
  data: "jsonb",
  create_time: "timestamptz(3)",
  verify_time: "timestamptz(3)",
} as const;

/** Reads an external id, by which a provider knows a user: 1 to 200 characters. */
export const externalId = filled(200);
