import { defineEntity, p } from "@mikro-orm/core";
import { Account } from "./account.entity.ts";
import { id, text, timeOfInsert, timeOfWrite } from "./columns.ts";
import { metadataColumns } from "./metadata.columns.ts";
import { User } from "./user.entity.ts";

/** The table of profiles. */
export const UserProfileSchema = defineEntity({
  name: "UserProfile",
  tableName: "user_profile",
  properties: {
    id: id(),
    user: () => p.manyToOne(User).mapToPk(),
    account: () => p.manyToOne(Account).mapToPk(),
    ...metadataColumns(),
    profileImageUrl: text(2048).default(""),
    isTest: p.boolean().default(false),
    createTime: timeOfInsert(),
    updateTime: timeOfWrite(),
    /** The etag: counts the writes of this row. */
    version: p.integer().version().default(1),
  },
  uniques: [{ name: "user_profile_key", properties: ["user", "account"] }],
  indexes: [
    { name: "user_profile_account_index", properties: ["account", "user"] },
    { name: "user_profile_name_index", properties: ["name", "id"] },
    { name: "user_profile_tag_index", expression: "create index user_profile_tag_index on user_profile using gin (tags_canonical)" },
    {
      name: "user_profile_text_index",
      expression: "create index user_profile_text_index on user_profile using gin (name gin_trgm_ops, description gin_trgm_ops)",
    },
  ],
});

/** A user in an account: what resources belong to. */
export class UserProfile extends UserProfileSchema.class {}

UserProfileSchema.setClass(UserProfile);
