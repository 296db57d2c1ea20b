import { Unfit } from "../fault.ts";
import { defineReader } from "../reader.ts";
import { type StagingTable, TEXT } from "../staging.ts";
import { members, permissionReference, roleName } from "./auth-references.ts";
import { MAX_PERMISSIONS } from "./permission.ts";
import { roles } from "./sentry-userrole.ts";

/**
 * The staging table of the permissions of Django's groups. The merge gives the permissions of a group to the role that is made from the group.
 */
export const groupPermissions = {
  name: "import_group_permission",
  columns: { permission: TEXT, permission_pk: "bigint" },
  derived: { role_id: "bigint" },
} as const satisfies StagingTable;

/** The import reader of `auth.group` records, which hold Django's groups. A role is made from each group. */
export const authGroup = defineReader({
  model: "auth.group",
  becomes: "a role of the group's name; the permissions of the group are the role's",
  into: roles,
  isKnownByName: true,
  fields: { name: roleName, permissions: members },
  // The permissions come after it, one by one.
  row: ({ name, permissions }) => {
    if (permissions !== undefined && permissions.length > MAX_PERMISSIONS)
      throw new Unfit(`it has more than ${MAX_PERMISSIONS} permissions`);
    return {
      name,
      permissions: permissions === undefined ? undefined : [],
      create_time: undefined,
      update_time: undefined,
    };
  },
  links: [
    {
      model: "auth.group.permissions",
      into: groupPermissions,
      of: ({ permissions }) => permissions ?? [],
      // They have the record of their group, which may have no pk.
      row: (_, member) => permissionReference(member),
    },
  ],
});
