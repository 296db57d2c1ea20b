import { defineEntity, p } from "@mikro-orm/core";
import { id, timeOfInsert } from "./columns.ts";
import { Role } from "./role.entity.ts";
import { User } from "./user.entity.ts";

/** A user that has a role. */
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
