import { FieldFault } from "../fault.ts";
import { type Field, key, matching } from "../fields.ts";
import { defineReader } from "../reader.ts";
import { type StagingTable, TEXT } from "../staging.ts";

/** The staging table of the permissions of a Django project. A permission that no role and no user has is not stored. */
export const permissionNames = {
  name: "import_permission_name",
  columns: { codename: TEXT, app_label: TEXT, content_type_pk: "bigint" },
  derived: { permission: TEXT },
} as const satisfies StagingTable;

/** The most characters of a codename, and of the label of an app. The two together are the longest permission that is stored. */
const MAX_PART = 100;

/** Reads one half of a permission's name (`app_label.codename`): the label of a Django app, or a codename. */
export const permissionPart = matching(MAX_PART, /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/, 'is not letters, digits, "_" and "-"');

/** The content type, by pk or by natural key (`["app", "model"]`). */
const contentType: Field<{ app_label?: string; content_type_pk?: bigint }> = (value) => {
  if (!Array.isArray(value)) return { content_type_pk: key(value) };
  const [app, model, ...more] = value as unknown[];
  if (typeof app !== "string" || typeof model !== "string" || more.length > 0) {
    throw new FieldFault("must be a content type's id or natural key");
  }
  return { app_label: permissionPart(app) };
};

const fields = { codename: permissionPart, content_type: contentType };

/** The import reader of `auth.permission` records, which hold the names of the permissions of a Django project. */
export const authPermission = defineReader({
  model: "auth.permission",
  becomes: "a name, `app_label.codename`, held with the users and roles that have it; what nobody has is not held",
  into: permissionNames,
  isKnownByName: true,
  fields,
  notHeld: { name: "it is a description; userd knows permissions by app_label.codename" },
  row: ({ codename, content_type }) => ({ codename, ...content_type }),
});
