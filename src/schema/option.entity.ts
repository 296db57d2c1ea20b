import { defineEntity, p } from "@mikro-orm/core";
import { id, indexOn, text, time, timeOfInsert } from "./columns.ts";
import { User } from "./user.entity.ts";

/** The columns that options of users and of scopes have in common. */
const optionColumns = (keyLength: number) => ({
  id: id(),
  /** See options/scope.ts: 0 global, or everybody; 1 organization, 2 project. */
  scopeKind: p.smallint(),
  /** The id of the organization or project; 0 in the global scope. */
  scopeId: p.bigint(),
  key: text(keyLength),
  value: p.json<unknown>(),
  /** The bytes that limits and quotas count (value.ts): a column, so that a sum over options reads none of their values. */
  bytes: p.integer().generated("(octet_length(value::text)) stored"),
  createTime: timeOfInsert(),
  updateTime: timeOfInsert(),
  version: p.integer().default(1),
});

const optionChecks = (table: string) => [
  { name: `${table}_scope`, expression: "scope_kind >= 0 and scope_kind <= 2 and (scope_kind = 0) = (scope_id = 0)" },
  { name: `${table}_key_not_empty`, expression: "key <> ''" },
];

/** The table of options of users. The scope is two columns that are never null: a unique constraint does not compare nulls. */
export const UserOption = defineEntity({
  name: "UserOption",
  tableName: "user_option",
  properties: {
    ...optionColumns(64),
    user: () => p.manyToOne(User).mapToPk(),
    /** The moment from which the option reads as absent; the sweeper deletes it later. */
    expireTime: time().nullable(),
  },
  uniques: [{ name: "user_option_key", properties: ["user", "scopeKind", "scopeId", "key"] }],
  indexes: [
    indexOn("user_option_expire_time_index", "user_option (expire_time) where expire_time is not null"),
    indexOn("user_option_scope_index", "user_option (scope_kind, scope_id, user_id) where scope_kind > 0"),
  ],
  checks: optionChecks("user_option"),
});

/** The table of the last 20 writes of each option. A trigger on user_option fills it, whichever code writes the option. */
export const OptionRevision = defineEntity({
  name: "OptionRevision",
  tableName: "option_revision",
  properties: {
    /** The user of the option. A trigger deletes the rows with the user, so that no foreign key has to be checked for each. */
    userId: p.bigint().primary(),
    scopeKind: p.smallint().primary(),
    scopeId: p.bigint().primary(),
    key: text(64).primary(),
    id: p.bigint().primary().columnType("bigint").autoincrement().generated("by default as identity"),
    /** Null when the option was deleted. A stored null is JSON's null. */
    value: p.json<unknown>().nullable(),
    expireTime: time().nullable(),
    changeTime: time().defaultRaw("clock_timestamp()"),
    caller: text(128),
    actingUserId: p.bigint().nullable(),
  },
  primaryKeys: ["userId", "scopeKind", "scopeId", "key", "id"],
  // By deletions a purge of the scope finds the history of what was there before; other writes cost nothing more.
  indexes: [
    indexOn("option_revision_deletion_index", "option_revision (scope_kind, scope_id, user_id) where scope_kind > 0 and value is null"),
  ],
});

/**
 * The table of the scopes in which a user has parted from options: a merge, or its undoing, has moved them, and the history of what was written for
 * the user has stayed. A trigger on user_option fills it. By it a purge of the scope finds that history, which has no deletion at its end.
 */
export const PartedHistory = defineEntity({
  name: "PartedHistory",
  tableName: "parted_history",
  properties: {
    user: () => p.manyToOne(User).mapToPk().primary().deleteRule("cascade"),
    scopeKind: p.smallint().primary(),
    scopeId: p.bigint().primary(),
  },
  primaryKeys: ["user", "scopeKind", "scopeId"],
  indexes: [{ name: "parted_history_scope_index", properties: ["scopeKind", "scopeId", "user"] }],
});

/** The table of scope options, global or of an organization or project: defaults for users or, if `locked`, values that users can't override. */
export const ScopeOption = defineEntity({
  name: "ScopeOption",
  tableName: "scope_option",
  properties: { ...optionColumns(128), locked: p.boolean().default(false) },
  uniques: [{ name: "scope_option_key", properties: ["scopeKind", "scopeId", "key"] }],
  checks: optionChecks("scope_option"),
});

/** The table of projects and organizations that are gone while their options, which no read shows, are being removed (docs/adr/0010). */
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
