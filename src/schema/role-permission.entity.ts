import { defineEntity, p } from "@mikro-orm/core";
import { id, text } from "./columns.ts";
import { Role } from "./role.entity.ts";
import { PERMISSION_LENGTH } from "./user-permission.entity.ts";

/** A permission that a role gives to its users. */
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
