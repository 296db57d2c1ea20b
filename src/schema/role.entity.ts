import { defineEntity, p } from "@mikro-orm/core";
import { id, text, timeOfInsert } from "./columns.ts";
import { PERMISSION_LENGTH, User } from "./user.entity.ts";

/** The table of roles: named sets of permissions. */
export const Role = defineEntity({
  name: "Role",
  tableName: "role",
  properties: {
    id: id(),
    name: text(150),
    createTime: timeOfInsert(),
    updateTime: timeOfInsert(),
    /** The etag: counts the writes of the role, those of its permissions included. */
    version: p.integer().default(1),
  },
  uniques: [{ name: "role_name_key", properties: ["name"] }],
  checks: [{ name: "role_name_not_empty", expression: "name <> ''" }],
});

/** The table of the permissions that roles give to their users. */
export const RolePermission = defineEntity({
  name: "RolePermission",
  tableName: "role_permission",
  properties: {
    id: id(),
    role: () => p.manyToOne(Role).mapToPk(),
    permission: text(PERMISSION_LENGTH),
  },
  uniques: [{ name: "role_permission_key", properties: ["role", "permission"] }],
  indexes: [{ name: "role_permission_permission_index", properties: ["permission", "role"] }],
  checks: [{ name: "role_permission_not_empty", expression: "permission <> ''" }],
});

/** The table of the roles that users have. */
export const RoleMember = defineEntity({
  name: "RoleMember",
  tableName: "role_member",
  properties: {
    id: id(),
    user: () => p.manyToOne(User).mapToPk(),
    role: () => p.manyToOne(Role).mapToPk(),
    createTime: timeOfInsert(),
  },
  uniques: [{ name: "role_member_key", properties: ["user", "role"] }],
  indexes: [{ name: "role_member_role_index", properties: ["role", "user"] }],
});
