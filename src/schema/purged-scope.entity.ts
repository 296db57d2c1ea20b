import { defineEntity, p } from "@mikro-orm/core";
import { id, timeOfInsert } from "./columns.ts";

/**
 * A project or organization that is gone while options of its scope are still being removed: no read shows them from the
 * transaction on that wrote this row (docs/adr/0010-purged-scopes.md).
 */
export const PurgedScope = defineEntity({
  name: "PurgedScope",
  tableName: "purged_scope",
  properties: {
    id: id(),
    /** See options/scope.ts: 1 organization, 2 project. */
    scopeKind: p.smallint(),
    scopeId: p.bigint(),
    createTime: timeOfInsert(),
  },
  uniques: [{ name: "purged_scope_key", properties: ["scopeKind", "scopeId"] }],
  checks: [{ name: "purged_scope_scope", expression: "scope_kind >= 1 and scope_kind <= 2 and scope_id > 0" }],
});
