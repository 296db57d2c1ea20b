import { defineEntity, p } from "@mikro-orm/core";
import { id, timeOfInsert } from "./columns.ts";
import { User } from "./user.entity.ts";

/** A token that sets a new password. Nobody can observe one, so it stands outside the triggers. */
export const PasswordReset = defineEntity({
  name: "PasswordReset",
  tableName: "password_reset",
  properties: {
    id: id(),
    user: () => p.manyToOne(User).mapToPk(),
    /** SHA-256 of the token; the token itself is never stored. */
    tokenHash: p.blob(),
    createTime: timeOfInsert(),
  },
  uniques: [{ name: "password_reset_token_key", properties: ["tokenHash"] }],
  indexes: [{ name: "password_reset_user_index", properties: ["user"] }],
});
