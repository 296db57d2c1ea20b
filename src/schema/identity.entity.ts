import { defineEntity, p } from "@mikro-orm/core";
import { id, text, time, timeOfInsert } from "./columns.ts";
import { User } from "./user.entity.ts";

/** The table of identity providers: systems outside userd that know users by ids of their own. */
export const IdentityProvider = defineEntity({
  name: "IdentityProvider",
  tableName: "identity_provider",
  properties: {
    id: id(),
    type: text(64),
    /** The id of this provider among those of its type; empty = there is only one of the type. */
    externalId: text(200).default(""),
    config: p.json<unknown>().nullable(),
    createTime: timeOfInsert(),
    version: p.integer().default(1),
  },
  uniques: [{ name: "identity_provider_key", properties: ["type", "externalId"] }],
  checks: [{ name: "identity_provider_type_not_empty", expression: "type <> ''" }],
});

/** The table of identities: users as identity providers know them. */
export const Identity = defineEntity({
  name: "Identity",
  tableName: "identity",
  properties: {
    id: id(),
    provider: () => p.manyToOne(IdentityProvider).mapToPk(),
    user: () => p.manyToOne(User).mapToPk(),
    externalId: text(200),
    data: p.json<unknown>().nullable(),
    createTime: timeOfInsert(),
    verifyTime: timeOfInsert(),
    /** The purposes that it may be used for at the provider. */
    scopes: p.array().default([]),
    /** The number of the status in the enum IdentityStatus. */
    status: p.smallint().default(0),
  },
  uniques: [
    { name: "identity_external_key", properties: ["provider", "externalId"] },
    { name: "identity_user_key", properties: ["user", "provider"] },
  ],
  checks: [
    { name: "identity_external_id_not_empty", expression: "external_id <> ''" },
    { name: "identity_status_known", expression: "status >= 0 and status <= 2" },
  ],
});

/** The table of the providers by which members of organizations sign in. */
export const AuthProvider = defineEntity({
  name: "AuthProvider",
  tableName: "auth_provider",
  properties: {
    id: id(),
    organizationId: p.bigint(),
    provider: text(128),
    config: p.json<unknown>().nullable(),
    createTime: timeOfInsert(),
    /** The role that new members get. */
    defaultRole: p.integer().nullable(),
    defaultGlobalAccess: p.boolean().default(false),
    /** A bit field, kept as imported: bit 0 is allow_unlinked, bit 1 scim_enabled. */
    flags: p.bigint().defaultRaw("0"),
    version: p.integer().default(1),
  },
  uniques: [{ name: "auth_provider_organization_key", properties: ["organizationId"] }],
  checks: [{ name: "auth_provider_provider_not_empty", expression: "provider <> ''" }],
});

/** The table that links users to the ids by which the sign-in provider of an organization knows them. */
export const AuthIdentity = defineEntity({
  name: "AuthIdentity",
  tableName: "auth_identity",
  properties: {
    id: id(),
    provider: () => p.manyToOne(AuthProvider).mapToPk(),
    user: () => p.manyToOne(User).mapToPk(),
    externalId: text(200),
    data: p.json<unknown>().nullable(),
    createTime: timeOfInsert(),
    verifyTime: timeOfInsert(),
    /** The moment when the provider's data was last copied. */
    syncTime: time().nullable(),
  },
  uniques: [
    { name: "auth_identity_external_key", properties: ["provider", "externalId"] },
    { name: "auth_identity_user_key", properties: ["provider", "user"] },
  ],
  indexes: [{ name: "auth_identity_user_index", properties: ["user"] }],
  checks: [{ name: "auth_identity_external_id_not_empty", expression: "external_id <> ''" }],
});
