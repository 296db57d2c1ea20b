import { defineEntity, p } from "@mikro-orm/core";
import { id, text, time } from "./columns.ts";

/**
 * The change log: one row per changed resource, written by triggers in the transaction of the change. It is the audit
 * trail too, so it holds who did it, and no values.
 */
export const Change = defineEntity({
  name: "Change",
  tableName: "changes",
  properties: {
    id: id(),
    changeTime: time().defaultRaw("clock_timestamp()"),
    /** The kind of resource: the name of its table. */
    kind: text(64),
    /** What identifies the resource in its table; never an address. */
    key: text(160),
    /** insert, update or delete. */
    operation: text(6),
    /** The columns whose values differ; only for updates. */
    changedColumns: p.array().nullable(),
    aggregateKind: text(32),
    aggregateId: p.bigint(),
    /** The aggregate's version after the transaction. */
    version: p.bigint(),
    /** The transaction: changes with one xid happened together. */
    xid: p.type("xid8").columnType("xid8"),
    caller: text(128),
    actingUserId: p.bigint().nullable(),
    requestId: text(128).nullable(),
  },
  indexes: [
    { name: "changes_aggregate_index", properties: ["aggregateKind", "aggregateId", "id"] },
    {
      name: "changes_acting_user_index",
      expression: "create index changes_acting_user_index on changes (acting_user_id, id) where acting_user_id is not null",
    },
    // Rows come in the order of time, so a few bytes per hundred pages find a period.
    { name: "changes_time_index", expression: "create index changes_time_index on changes using brin (change_time)" },
  ],
});
