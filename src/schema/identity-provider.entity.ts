import { defineEntity, p } from "@mikro-orm/core";
import { id, text, timeOfInsert } from "./columns.ts";

/** Something outside that knows users by ids of its own. */
export const IdentityProviderSchema = defineEntity({
  name: "IdentityProvider",
  tableName: "identity_provider",
  properties: {
    id: id(),
    type: text(64),
    /** Which one of its type; empty = the type has no instances. */
    externalId: text(200).default(""),
    config: p.json<unknown>().nullable(),
    createTime: timeOfInsert(),
    /** The etag: counts the writes of this row. */
    version: p.integer().default(1),
  },
  uniques: [{ name: "identity_provider_key", properties: ["type", "externalId"] }],
  checks: [{ name: "identity_provider_type_not_empty", expression: "type <> ''" }],
});

/** An identity provider. */
export class IdentityProvider extends IdentityProviderSchema.class {}

IdentityProviderSchema.setClass(IdentityProvider);
