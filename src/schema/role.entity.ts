import { defineEntity, p } from "@mikro-orm/core";
import { id, text, timeOfInsert } from "./columns.ts";

/** A named set of permissions. */
export const RoleSchema = defineEntity({
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

/** A role. */
export class Role extends RoleSchema.class {}

RoleSchema.setClass(Role);
