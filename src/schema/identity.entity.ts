import { defineEntity, p } from "@mikro-orm/core";
import { id, text, timeOfInsert } from "./columns.ts";
import { IdentityProvider } from "./identity-provider.entity.ts";
import { User } from "./user.entity.ts";

/** A user as an identity provider knows it. */
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
    /** What it may be used for at the provider. */
    scopes: p.array().default([]),
    /** As IdentityStatus numbers it. */
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
