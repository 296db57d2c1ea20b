import { defineEntity, p } from "@mikro-orm/core";
import { AuthProvider } from "./auth-provider.entity.ts";
import { id, text, time, timeOfInsert } from "./columns.ts";
import { User } from "./user.entity.ts";

/** A user as the provider of an organization knows it. */
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
    /** When the provider's data was last copied. */
    syncTime: time().nullable(),
  },
  uniques: [
    { name: "auth_identity_external_key", properties: ["provider", "externalId"] },
    { name: "auth_identity_user_key", properties: ["provider", "user"] },
  ],
  indexes: [{ name: "auth_identity_user_index", properties: ["user"] }],
  checks: [{ name: "auth_identity_external_id_not_empty", expression: "external_id <> ''" }],
});
