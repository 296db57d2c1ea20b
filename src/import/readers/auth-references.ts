import { FieldFault } from "../fault.ts";
import { key, matching, type Plain } from "../fields.ts";
import { permissionPart } from "./auth-permission.ts";

/** Reads a many-to-many field as a list, whose members are not checked yet. Returns undefined if the field is absent or null. */
export const members: Plain<readonly unknown[] | undefined> = (value) => {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw new FieldFault("must be a list");
  return value;
};

/** Reads a reference to a permission: a primary key, or Django's natural key (`["codename", "app", "model"]`). */
export const permissionReference: Plain<{ permission?: string; permission_pk?: bigint }> = (value) => {
  if (!Array.isArray(value)) return { permission_pk: key(value) };
  const [codename, app, model, ...more] = value as unknown[];
  if (typeof codename !== "string" || typeof app !== "string" || typeof model !== "string" || more.length > 0) {
    throw new FieldFault("must be a permission's id or natural key");
  }
  return { permission: `${permissionPart(app)}.${permissionPart(codename)}` };
};

const MAX_NAME = 150;

/** Reads the name of a role or a group: at most 150 characters, and not only white space. */
export const roleName = matching(MAX_NAME, /\S/, "is empty");

/** Reads a reference to a group: a primary key, or Django's natural key (`["name"]`). */
export const groupReference: Plain<{ parent_pk?: bigint; parent_name?: string }> = (value) => {
  if (!Array.isArray(value)) return { parent_pk: key(value) };
  const [name, ...more] = value as unknown[];
  if (typeof name !== "string" || more.length > 0) throw new FieldFault("must be a group's id or natural key");
  return { parent_name: roleName(name) };
};
