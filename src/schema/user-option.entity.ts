import { defineEntity, p } from "@mikro-orm/core";
import { id, text, time, timeOfInsert } from "./columns.ts";
import { User } from "./user.entity.ts";

/** One option of a user in one scope. The scope is two columns that are never null: nulls would not protect it. */
export const UserOption = defineEntity({
  name: "UserOption",
  tableName: "user_option",
  properties: {
    id: id(),
    user: () => p.manyToOne(User).mapToPk(),
    /** See options/scope.ts: 0 global, 1 organization, 2 project. */
    scopeKind: p.smallint(),
    /** The id of the organization or project; 0 in the global scope. */
    scopeId: p.bigint(),
    key: text(64),
    value: p.json<unknown>(),
    /** What limits and quotas count (value.ts): a column, so that a sum over options reads none of their values. */
    bytes: p.integer().generated("(octet_length(value::text)) stored"),
    createTime: timeOfInsert(),
    updateTime: timeOfInsert(),
    /** From then on the option reads as absent; the sweeper deletes it later. */
    expireTime: time().nullable(),
    /** The etag: counts the writes of this row. */
    version: p.integer().default(1),
  },
  uniques: [{ name: "user_option_key", properties: ["user", "scopeKind", "scopeId", "key"] }],
  indexes: [
    {
      name: "user_option_expire_time_index",
      expression: "create index user_option_expire_time_index on user_option (expire_time) where expire_time is not null",
    },
    {
      name: "user_option_scope_index",
      expression: "create index user_option_scope_index on user_option (scope_kind, scope_id, user_id) where scope_kind > 0",
    },
  ],
  checks: [
    { name: "user_option_scope", expression: "scope_kind >= 0 and scope_kind <= 2 and (scope_kind = 0) = (scope_id = 0)" },
    { name: "user_option_key_not_empty", expression: "key <> ''" },
  ],
});
