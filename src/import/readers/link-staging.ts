import { filled } from "../fields.ts";
import { TEXT, userReferenceColumns } from "../staging.ts";

/** The staging columns of links between users and providers: identity providers, or auth providers of organizations. */
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

/** Reads the id that a provider has for a user. */
export const externalId = filled(200);
