import { FieldFault } from "../fault.ts";
import { type Field, key, matching } from "../fields.ts";
import { defineReader } from "../reader.ts";
import { type StagingTable, TEXT } from "../staging.ts";

/** The staging table of the permissions that a Django project knows. Groups and users name them by their pks. None is stored by itself. */
export const permissionNames = {
  name: "import_permission_name",
  columns: { codename: TEXT, app_label: TEXT, content_type_pk: "bigint" },
  derived: { permission: TEXT },
} as const satisfies StagingTable;

/** Longest codename, and longest label of an app: together they are the longest permission that is stored. */
const MAX_PART = 100;

/** Reads a codename or the label of an app: one half of a permission's name. */
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

/** `auth.permission`: what users and groups may have, `app_label.codename`. */
export const authPermission = defineReader({
  model: "auth.permission",
  becomes: "a name, `app_label.codename`, held with the users and roles that have it; what nobody has is not held",
  into: permissionNames,
  isKnownByName: true,
  fields,
  notHeld: { name: "it is a description; userd knows permissions by app_label.codename" },
  row: ({ codename, content_type }) => ({ codename, ...content_type }),
});
