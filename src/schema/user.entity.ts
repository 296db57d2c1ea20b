import { defineEntity, p } from "@mikro-orm/core";
import { canonical, id, text, time, timeOfInsert } from "./columns.ts";

/** The table of users. */
export const UserSchema = defineEntity({
  name: "User",
  tableName: "users",
  properties: {
    id: id(),
    username: text(128),
    usernameCanonical: canonical(),
    name: text(200).default(""),
    /** The name folded as a canonical name is (db/canonical-names.ts): what searches compare. */
    nameCanonical: canonical().default(""),
    /** The primary address, or empty. It also stands in user_email. */
    email: text(200).default(""),
    /** What another system calls the user, as it writes it; null = none does. */
    externalId: text(200).nullable(),
    /** A hash in Django's notation (`argon2$…`, `pbkdf2_sha256$…`), or empty or `!…`: no usable password. */
    password: p.text().default("").lazy(),
    isActive: p.boolean().default(true),
    isStaff: p.boolean().default(false),
    isSuperuser: p.boolean().default(false),
    isManaged: p.boolean().default(false),
    isUnclaimed: p.boolean().default(false),
    isSuspended: p.boolean().default(false),
    isApp: p.boolean().default(false),
    isPasswordExpired: p.boolean().default(false),
    lastPasswordChange: time().nullable(),
    /** Further flags as a bit field, kept as imported; bit 0 is newsletter_consent_prompt. */
    flags: p.bigint().defaultRaw("0"),
    /** Part of every session of the user; a new one ends them all. */
    sessionNonce: text(12).nullable().lazy(),
    avatarType: p.smallint().default(0),
    avatarUrl: text(2048).nullable(),
    dateJoined: timeOfInsert(),
    /** Set on a user that was deleted softly. */
    deleteTime: time().nullable(),
    /** When a deleted user is removed for good. */
    purgeTime: time().nullable(),
    /** The etag: counts the writes of this row. */
    version: p.integer().version().default(1),
  },
  uniques: [{ name: "users_username_key", properties: ["usernameCanonical"] }],
  indexes: [
    { name: "users_date_joined_index", properties: ["dateJoined", "id"] },
    // Most users have none, and are not in it.
    {
      name: "users_external_id_key",
      expression: "create unique index users_external_id_key on users (external_id) where external_id is not null",
    },
    // Finds the admins among the many users of an account.
    { name: "users_staff_index", expression: "create index users_staff_index on users (id) where is_staff" },
    // Few of many, which lists can be asked for.
    { name: "users_app_index", expression: "create index users_app_index on users (id) where is_app" },
    { name: "users_suspended_index", expression: "create index users_suspended_index on users (id) where is_suspended" },
    {
      name: "users_purge_time_index",
      expression: "create index users_purge_time_index on users (purge_time) where purge_time is not null",
    },
  ],
  checks: [
    { name: "users_purged_when_deleted", expression: "(delete_time is null) = (purge_time is null)" },
    { name: "users_username_not_empty", expression: "username <> '' and username_canonical <> ''" },
    { name: "users_external_id_not_empty", expression: "external_id <> ''" },
    { name: "users_avatar_type_known", expression: "avatar_type >= 0 and avatar_type <= 2" },
  ],
});

/** A person or machine with an account. */
export class User extends UserSchema.class {}

UserSchema.setClass(User);
