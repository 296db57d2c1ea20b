import { defineEntity, p } from "@mikro-orm/core";
import { canonical, id, indexOn, text, timeOfInsert, timeOfWrite, uniqueOn } from "./columns.ts";
import { User } from "./user.entity.ts";

/** Makes the columns for the metadata that accounts and profiles have. */
export const metadataColumns = () => ({
  name: text(255).default(""),
  description: p.text().default(""),
  /** A semantic version; `version` is the etag. */
  semver: text(128).default("1.0.0"),
  /** A list of objects. */
  annotations: p.json<unknown>().defaultRaw("'[]'"),
  tags: p.array().defaultRaw("'{}'"),
  /** The canonical forms of the tags, which filters compare. */
  tagsCanonical: p.array().defaultRaw("'{}'"),
});

/** The table of accounts. A user is in an account by a profile. */
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
    version: p.integer().version().default(1),
  },
  uniques: [
    { name: "account_number_key", properties: ["number"] },
    uniqueOn("account_default_key", "account (is_default) where is_default"),
    uniqueOn("account_platform_key", "account (is_platform) where is_platform"),
  ],
  indexes: [
    indexOn("account_tag_index", "account using gin (tags_canonical)"),
    indexOn("account_name_index", "account using gin (name gin_trgm_ops)"),
  ],
  checks: [{ name: "account_number_form", expression: "number ~ '^[0-9]{4}-[0-9]{4}-[0-9]{4}$'" }],
});

/** The ORM's class for a row of the table of accounts. */
export class Account extends AccountSchema.class {}

AccountSchema.setClass(Account);

/** The table of contacts of accounts: people to write to about an account. */
export const AccountContact = defineEntity({
  name: "AccountContact",
  tableName: "account_contact",
  properties: {
    id: id(),
    account: () => p.manyToOne(Account).mapToPk(),
    email: text(200),
    emailCanonical: canonical(),
    name: text(200).default(""),
    isPrimary: p.boolean().default(false),
    /** The user that it was made for: it is purged with that user. */
    user: () => p.manyToOne(User).mapToPk().nullable(),
    createTime: timeOfInsert(),
  },
  uniques: [
    { name: "account_contact_email_key", properties: ["account", "emailCanonical"] },
    uniqueOn("account_contact_primary_key", "account_contact (account_id) where is_primary"),
  ],
  indexes: [indexOn("account_contact_user_index", "account_contact (user_id) where user_id is not null")],
  checks: [{ name: "account_contact_not_empty", expression: "email <> '' and email_canonical <> ''" }],
});

/** The table of profiles. A profile is a user in an account, and can own resources. */
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
    version: p.integer().version().default(1),
  },
  uniques: [{ name: "user_profile_key", properties: ["user", "account"] }],
  indexes: [
    { name: "user_profile_account_index", properties: ["account", "user"] },
    { name: "user_profile_account_name_index", properties: ["account", "name", "id"] },
    { name: "user_profile_name_index", properties: ["name", "id"] },
    { name: "user_profile_created_index", properties: ["createTime", "id"] },
    indexOn("user_profile_test_index", "user_profile (id) where is_test"),
    indexOn("user_profile_tag_index", "user_profile using gin (tags_canonical)"),
    indexOn("user_profile_text_index", "user_profile using gin (name gin_trgm_ops, description gin_trgm_ops)"),
  ],
});

/** The ORM's class for a row of the table of profiles. */
export class UserProfile extends UserProfileSchema.class {}

UserProfileSchema.setClass(UserProfile);

/** The table of resources: things of other services that belong to profiles. */
export const Resource = defineEntity({
  name: "Resource",
  tableName: "resource",
  properties: {
    id: id(),
    kind: text(64),
    ownerProfile: () => p.manyToOne(UserProfile).mapToPk(),
    /** The account of the owner's profile, which never changes: so a page of an account's resources is one range of an index. */
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
