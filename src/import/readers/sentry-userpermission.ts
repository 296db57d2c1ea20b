import { userReference } from "../fields.ts";
import { defineReader } from "../reader.ts";
import { type StagingTable, TEXT, userReferenceColumns } from "../staging.ts";
import { permission } from "./permission.ts";

/** The staging table of the permissions in a file that users have by themselves, and not by a role. */
export const permissions = {
  name: "import_permission",
  table: "user_permission",
  isLeaf: true,
  columns: { ...userReferenceColumns, permission: TEXT, permission_pk: "bigint" },
  derived: { user_id: "bigint" },
} as const satisfies StagingTable;

const fields = { user: userReference, permission: permission };

/** `sentry.userpermission`: the permissions of users. */
export const sentryUserPermission = defineReader({
  model: "sentry.userpermission",
  becomes: "a permission of a user",
  into: permissions,
  fields,
  row: ({ user, permission: granted }) => ({ ...user, permission: granted }),
});
