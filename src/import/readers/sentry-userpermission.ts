import { userReference } from "../fields.ts";
import { defineReader } from "../reader.ts";
import { type StagingTable, TEXT, userReferenceColumns } from "../staging.ts";
import { permission } from "./permission.ts";

/** The staging table of the permissions in an import file that are given to users directly, not through a role. */
export const permissions = {
  name: "import_permission",
  table: "user_permission",
  isLeaf: true,
  columns: { ...userReferenceColumns, permission: TEXT, permission_pk: "bigint" },
  derived: { user_id: "bigint" },
} as const satisfies StagingTable;

const fields = { user: userReference, permission: permission };

/** The import reader of `sentry.userpermission` records: the permissions that are given to users directly, not through a role. */
export const sentryUserPermission = defineReader({
  model: "sentry.userpermission",
  becomes: "a permission of a user",
  into: permissions,
  fields,
  row: ({ user, permission: granted }) => ({ ...user, permission: granted }),
});
