import { defineEntity, p } from "@mikro-orm/core";
import { canonical, id, indexOn, text, time, timeOfInsert, uniqueOn } from "./columns.ts";

/** The table of users: people and machines. */
export const UserSchema = defineEntity({
  name: "User",
  tableName: "users",
  properties: {
    id: id(),
    username: text(128),
    usernameCanonical: canonical(),
    name: text(200).default(""),
    /** The canonical form of the name, which searches compare. */
    nameCanonical: canonical().default(""),
    /** The primary address, or empty. It also stands in user_email. */
    email: text(200).default(""),
    /** The id that another system has for the user, as it writes it; null = none has. */
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
    deleteTime: time().nullable(),
    /** The moment when a deleted user is removed for good. */
    purgeTime: time().nullable(),
    /** The user that has all that was this one's, since a merge; null = it was not merged. A merged user is deleted, and is never due. */
    mergedIntoUserId: p.bigint().nullable(),
    version: p.integer().version().default(1),
  },
  uniques: [{ name: "users_username_key", properties: ["usernameCanonical"] }],
  indexes: [
    { name: "users_date_joined_index", properties: ["dateJoined", "id"] },
    uniqueOn("users_external_id_key", "users (external_id) where external_id is not null"),
    // Finds the admins among the many users of an account.
    indexOn("users_staff_index", "users (id) where is_staff"),
    // Few users are one of these, and lists can ask for them.
    indexOn("users_superuser_index", "users (id) where is_superuser"),
    indexOn("users_inactive_index", "users (id) where not is_active"),
    indexOn("users_unclaimed_index", "users (id) where is_unclaimed"),
    indexOn("users_app_index", "users (id) where is_app"),
    indexOn("users_suspended_index", "users (id) where is_suspended"),
    indexOn("users_purge_time_index", "users (purge_time) where purge_time is not null"),
    indexOn("users_merged_index", "users (merged_into_user_id) where merged_into_user_id is not null"),
  ],
  checks: [
    {
      name: "users_purged_when_deleted",
      expression:
        "case when merged_into_user_id is null then (delete_time is null) = (purge_time is null) else delete_time is not null and purge_time is null end",
    },
    { name: "users_username_not_empty", expression: "username <> '' and username_canonical <> ''" },
    { name: "users_external_id_not_empty", expression: "external_id <> ''" },
    { name: "users_avatar_type_known", expression: "avatar_type >= 0 and avatar_type <= 2" },
  ],
});

/** The ORM's class for a row of the table of users. */
export class User extends UserSchema.class {}

UserSchema.setClass(User);

/** The table of users' addresses. A user's primary address is the one that equals `users.email`. */
export const UserEmail = defineEntity({
  name: "UserEmail",
  tableName: "user_email",
  properties: {
    id: id(),
    user: () => p.manyToOne(User).mapToPk(),
    email: text(200),
    emailCanonical: canonical(),
    isVerified: p.boolean().default(false),
    dateAdded: timeOfInsert(),
    /** SHA-256 of the last verification token; the token itself is never stored. */
    verificationHash: p.blob().nullable(),
    verificationHashTime: time().nullable(),
  },
  uniques: [
    { name: "user_email_user_key", properties: ["user", "emailCanonical"] },
    uniqueOn("user_email_verified_key", "user_email (email_canonical) where is_verified"),
    uniqueOn("user_email_verification_key", "user_email (verification_hash) where verification_hash is not null"),
  ],
  // Only ever compared for equality: a hash looks at two buffers where a tree of a million looks at four.
  indexes: [indexOn("user_email_address_index", "user_email using hash (email_canonical)")],
  checks: [{ name: "user_email_not_empty", expression: "email <> '' and email_canonical <> ''" }],
});

/** The most characters of a permission. In Django it is the application (100 at most), a dot, and the name (100 at most). */
export const PERMISSION_LENGTH = 201;

/** The table of permissions that were granted to users themselves, not by a role. */
export const UserPermission = defineEntity({
  name: "UserPermission",
  tableName: "user_permission",
  properties: {
    id: id(),
    user: () => p.manyToOne(User).mapToPk(),
    permission: text(PERMISSION_LENGTH),
    createTime: timeOfInsert(),
  },
  uniques: [{ name: "user_permission_key", properties: ["user", "permission"] }],
  indexes: [{ name: "user_permission_permission_index", properties: ["permission", "user"] }],
  checks: [{ name: "user_permission_not_empty", expression: "permission <> ''" }],
});

/** The table of second factors of users. */
export const Authenticator = defineEntity({
  name: "Authenticator",
  tableName: "authenticator",
  properties: {
    id: id(),
    user: () => p.manyToOne(User).mapToPk(),
    /** See authenticators/authenticators.ts: 0 recovery codes, 1 TOTP, 2 SMS, 3 U2F. */
    type: p.smallint(),
    /** JSON, locked in the vault (secrets.ts). */
    config: p.blob().nullable(),
    createTime: timeOfInsert(),
    lastUsedTime: time().nullable(),
  },
  uniques: [{ name: "authenticator_key", properties: ["user", "type"] }],
  checks: [{ name: "authenticator_type_known", expression: "type >= 0 and type <= 3" }],
});

/** The table of tokens with which users set new passwords. It is no tracked table, since no read returns a token. */
export const PasswordReset = defineEntity({
  name: "PasswordReset",
  tableName: "password_reset",
  properties: {
    id: id(),
    user: () => p.manyToOne(User).mapToPk(),
    /** SHA-256 of the token; the token itself is never stored. */
    tokenHash: p.blob(),
    createTime: timeOfInsert(),
  },
  uniques: [{ name: "password_reset_token_key", properties: ["tokenHash"] }],
  indexes: [{ name: "password_reset_user_index", properties: ["user"] }],
});

/** The table of the times when users were last seen. It is no tracked table and apart from `users`, so changes raise no version or etag. */
export const UserActivity = defineEntity({
  name: "UserActivity",
  tableName: "user_activity",
  properties: {
    user: () => p.oneToOne(User).owner().primary().mapToPk(),
    lastLogin: time().nullable(),
    lastActive: time().nullable(),
  },
});

/** The table of the IP addresses from which users were seen. It is no tracked table, so changes raise no version or etag. */
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

/**
 * The table of search lines. All lines of a user are one text, so that one index serves all of them; a line break before each line marks where
 * it begins. Triggers write the table, and its changes raise no version.
 */
export const UserSearch = defineEntity({
  name: "UserSearch",
  tableName: "user_search",
  properties: {
    userId: p.bigint().primary().autoincrement(false),
    lines: p.text().collation("C"),
  },
  indexes: [
    // Only where the database has pg_trgm: the migration sees to it.
    indexOn("user_search_lines_index", "user_search using gin (lines gin_trgm_ops)"),
  ],
});
