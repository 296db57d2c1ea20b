import { defineEntity, p } from "@mikro-orm/core";
import { id, time, timeOfInsert } from "./columns.ts";
import { User } from "./user.entity.ts";

/** A second factor of a user. */
export const Authenticator = defineEntity({
  name: "Authenticator",
  tableName: "authenticator",
  properties: {
    id: id(),
    user: () => p.manyToOne(User).mapToPk(),
    /** See authenticators/authenticator.mapping.ts: 0 recovery codes, 1 TOTP, 2 SMS, 3 U2F. */
    type: p.smallint(),
    /** JSON, locked in the vault (secrets.ts). */
    config: p.blob().nullable(),
    createTime: timeOfInsert(),
    lastUsedTime: time().nullable(),
  },
  uniques: [{ name: "authenticator_key", properties: ["user", "type"] }],
  checks: [{ name: "authenticator_type_known", expression: "type >= 0 and type <= 3" }],
});
