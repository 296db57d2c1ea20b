import { defineEntity, p } from "@mikro-orm/core";
import { id, text, timeOfInsert, timeOfWrite } from "./columns.ts";
import { metadataColumns } from "./metadata.columns.ts";

/** The table of accounts. */
export const AccountSchema = defineEntity({
  name: "Account",
  tableName: "account",
  properties: {
    id: id(),
    number: text(14),
    ...metadataColumns(),
    isDefault: p.boolean().default(false),
    isPlatform: p.boolean().default(false),
    createTime: timeOfInsert(),
    updateTime: timeOfWrite(),
    /** The etag: counts the writes of this row. */
    version: p.integer().version().default(1),
  },
  uniques: [
    { name: "account_number_key", properties: ["number"] },
    { name: "account_default_key", expression: "create unique index account_default_key on account (is_default) where is_default" },
    { name: "account_platform_key", expression: "create unique index account_platform_key on account (is_platform) where is_platform" },
  ],
  indexes: [
    { name: "account_tag_index", expression: "create index account_tag_index on account using gin (tags_canonical)" },
    { name: "account_name_index", expression: "create index account_name_index on account using gin (name gin_trgm_ops)" },
  ],
  checks: [{ name: "account_number_form", expression: "number ~ '^[0-9]{4}-[0-9]{4}-[0-9]{4}$'" }],
});

/** Who owns resources and has users. */
export class Account extends AccountSchema.class {}

AccountSchema.setClass(Account);
