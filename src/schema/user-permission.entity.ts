import { defineEntity, p } from "@mikro-orm/core";
import { id, text, timeOfInsert } from "./columns.ts";
import { User } from "./user.entity.ts";

/** Most characters of a permission: Django's are an application, a dot, and a code name of 100. */
export const PERMISSION_LENGTH = 201;

/** A permission that was granted to a user itself. */
export const UserPermission = defineEntity({
  name: "UserPermission",
  tableName: "user_permission",
  properties: {
    id: id(),
    user: () => p.manyToOne(User).mapToPk(),
    permission: text(PERMISSION_LENGTH),
    createTime: timeOfInsert(),
  },
  uniques: [{ name: "user_permission_key", properties: ["user", "permission"] }],
  indexes: [{ name: "user_permission_permission_index", properties: ["permission", "user"] }],
  checks: [{ name: "user_permission_not_empty", expression: "permission <> ''" }],
});
