import { defineEntity, p } from "@mikro-orm/core";
import { id, text, timeOfInsert } from "./columns.ts";
import { User } from "./user.entity.ts";

/** Where a user was seen. Outside the triggers, like its activity: it must not churn versions or etags. */
export const UserIp = defineEntity({
  name: "UserIp",
  tableName: "user_ip",
  properties: {
    id: id(),
    user: () => p.manyToOne(User).mapToPk(),
    /** An IPv4 or IPv6 address, in the canonical form of its kind. */
    ip: text(45),
    countryCode: text(16).nullable(),
    regionCode: text(16).nullable(),
    firstSeen: timeOfInsert(),
    lastSeen: timeOfInsert(),
  },
  uniques: [{ name: "user_ip_key", properties: ["user", "ip"] }],
});
