import { key, nullAs, optional, time, userReference } from "../fields.ts";
import { defineReader } from "../reader.ts";
import { type StagingTable, TEXT, userReferenceColumns } from "../staging.ts";

/** The staging table of the links between users and roles in an import file. */
export const roleMembers = {
  name: "import_role_member",
  table: "role_member",
  isLeaf: true,
  columns: { ...userReferenceColumns, parent_model: TEXT, parent_pk: "bigint", parent_name: TEXT, create_time: "timestamptz(3)" },
  derived: { user_id: "bigint", role_id: "bigint" },
} as const satisfies StagingTable;

const fields = { user: userReference, role: key, date_added: optional(nullAs(undefined, time)) };

/** The import reader of `sentry.userroleuser` records, which hold the links between users and roles. */
export const sentryUserRoleUser = defineReader({
  model: "sentry.userroleuser",
  becomes: "a role of a user",
  into: roleMembers,
  fields,
  notHeld: { date_updated: "a membership has one date here: when it began" },
  row: ({ user, role, date_added }) => ({ ...user, parent_model: "sentry.userrole", parent_pk: role, create_time: date_added }),
});
