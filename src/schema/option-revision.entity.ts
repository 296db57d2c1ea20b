import { defineEntity, p } from "@mikro-orm/core";
import { text, time } from "./columns.ts";

/** The last 20 writes of each option, kept by a trigger of user_option, so that no write path can forget it. */
export const OptionRevision = defineEntity({
  name: "OptionRevision",
  tableName: "option_revision",
  properties: {
    /** Who deletes the user deletes them too, by a trigger: no foreign key has to be checked for each of them. */
    userId: p.bigint().primary(),
    scopeKind: p.smallint().primary(),
    scopeId: p.bigint().primary(),
    key: text(64).primary(),
    id: p.bigint().primary().columnType("bigint").autoincrement().generated("by default as identity"),
    /** Null when the option was deleted. A stored null is JSON's null. */
    value: p.json<unknown>().nullable(),
    expireTime: time().nullable(),
    changeTime: time().defaultRaw("clock_timestamp()"),
    caller: text(128),
    actingUserId: p.bigint().nullable(),
  },
  primaryKeys: ["userId", "scopeKind", "scopeId", "key", "id"],
});
