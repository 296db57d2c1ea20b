import { defineEntity, p } from "@mikro-orm/core";
import { Account } from "./account.entity.ts";
import { id, text, timeOfInsert } from "./columns.ts";
import { UserProfile } from "./user-profile.entity.ts";

/** Something of another service that belongs to a profile. */
export const Resource = defineEntity({
  name: "Resource",
  tableName: "resource",
  properties: {
    id: id(),
    kind: text(64),
    ownerProfile: () => p.manyToOne(UserProfile).mapToPk(),
    /** The account of the owner, which never changes: a page of an account's resources is one range of an index. */
    account: () => p.manyToOne(Account).mapToPk(),
    name: text(255),
    createTime: timeOfInsert(),
  },
  uniques: [{ name: "resource_key", properties: ["ownerProfile", "kind", "name"] }],
  indexes: [
    // One for each way to list: by owner, by account, and everything.
    { name: "resource_owner_index", properties: ["ownerProfile", "kind", "id"] },
    { name: "resource_account_index", properties: ["account", "kind", "id"] },
    { name: "resource_kind_index", properties: ["kind", "id"] },
  ],
  checks: [{ name: "resource_not_empty", expression: "kind <> '' and name <> ''" }],
});
