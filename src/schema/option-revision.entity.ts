import { defineEntity, p } from "@mikro-orm/core";
import { id, text, time } from "./columns.ts";
import { User } from "./user.entity.ts";

/** The last 20 writes of each option, kept by a trigger of user_option, so that no write path can forget it. */
export const OptionRevision = defineEntity({
  name: "OptionRevision",
  tableName: "option_revision",
  properties: {
    id: id(),
    user: () => p.manyToOne(User).mapToPk().deleteRule("cascade"),
    scopeKind: p.smallint(),
    scopeId: p.bigint(),
    key: text(64),
    /** Null when the option was deleted. A stored null is JSON's null. */
    value: p.json<unknown>().nullable(),
    expireTime: time().nullable(),
    changeTime: time().defaultRaw("clock_timestamp()"),
    caller: text(128),
    actingUserId: p.bigint().nullable(),
  },
  indexes: [{ name: "option_revision_index", properties: ["user", "scopeKind", "scopeId", "key", "id"] }],
});
