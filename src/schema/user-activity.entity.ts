import { defineEntity, p } from "@mikro-orm/core";
import { time } from "./columns.ts";
import { User } from "./user.entity.ts";

/** When a user was last seen. A table of its own, outside the triggers: it must not churn versions or etags. */
export const UserActivity = defineEntity({
  name: "UserActivity",
  tableName: "user_activity",
  properties: {
    user: () => p.oneToOne(User).owner().primary().mapToPk(),
    lastLogin: time().nullable(),
    lastActive: time().nullable(),
  },
});
