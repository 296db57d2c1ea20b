import { defineEntity, p } from "@mikro-orm/core";
import { id, text, timeOfInsert } from "./columns.ts";

/** How the members of an organization sign in. */
export const AuthProviderSchema = defineEntity({
  name: "AuthProvider",
  tableName: "auth_provider",
  properties: {
    id: id(),
    organizationId: p.bigint(),
    /** The kind of provider. */
    provider: text(128),
    config: p.json<unknown>().nullable(),
    createTime: timeOfInsert(),
    /** What new members get. */
    defaultRole: p.integer().nullable(),
    defaultGlobalAccess: p.boolean().default(false),
    /** A bit field, kept as imported: bit 0 is allow_unlinked, bit 1 scim_enabled. */
    flags: p.bigint().defaultRaw("0"),
    /** The etag: counts the writes of this row. */
    version: p.integer().default(1),
  },
  uniques: [{ name: "auth_provider_organization_key", properties: ["organizationId"] }],
  checks: [{ name: "auth_provider_provider_not_empty", expression: "provider <> ''" }],
});

/** The auth provider of an organization. */
export class AuthProvider extends AuthProviderSchema.class {}

AuthProviderSchema.setClass(AuthProvider);
