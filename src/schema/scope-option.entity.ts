import { defineEntity, p } from "@mikro-orm/core";
import { id, text, timeOfInsert } from "./columns.ts";

/** One option of everybody, of an organization or of a project: a default of their users, or with `locked` their value. */
export const ScopeOption = defineEntity({
  name: "ScopeOption",
  tableName: "scope_option",
  properties: {
    id: id(),
    /** See options/scope.ts: 0 everybody, 1 organization, 2 project. */
    scopeKind: p.smallint(),
    /** The id of the organization or project; 0 for everybody. */
    scopeId: p.bigint(),
    key: text(128),
    value: p.json<unknown>(),
    /** As of options of users. */
    bytes: p.integer().generated("(octet_length(value::text)) stored"),
    locked: p.boolean().default(false),
    createTime: timeOfInsert(),
    updateTime: timeOfInsert(),
    /** The etag: counts the writes of this row. */
    version: p.integer().default(1),
  },
  uniques: [{ name: "scope_option_key", properties: ["scopeKind", "scopeId", "key"] }],
  checks: [
    { name: "scope_option_scope", expression: "scope_kind >= 0 and scope_kind <= 2 and (scope_kind = 0) = (scope_id = 0)" },
    { name: "scope_option_key_not_empty", expression: "key <> ''" },
  ],
});
