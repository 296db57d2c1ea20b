import { defineEntity, p } from "@mikro-orm/core";
import { indexOn, text, time, timeOfInsert } from "./columns.ts";

/** The table of the change log and audit trail: an entry per change of a row, with who changed it and why. Triggers write it. */
export const Change = defineEntity({
  name: "Change",
  tableName: "changes",
  properties: {
    id: p.bigint().columnType("bigint").primary().autoincrement(),
    /** The table is partitioned by it, by month; so it is part of the key. */
    changeTime: time().primary().defaultRaw("clock_timestamp()"),
    /** The kind of resource: the name of its table. */
    kind: text(64),
    /** The key that identifies the resource in its table; never an address. */
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
    /** The old and the new value of each changed column that is declared for it: `{"role": [0, 3]}`. Null = there is none. */
    changed: p.json<Readonly<Record<string, readonly [unknown, unknown]>>>().nullable(),
    /** The project that the resource is part of, where its aggregate does not say so. */
    projectId: p.bigint().nullable(),
    /** The reason that the caller gave. As a default, so that whatever writes an entry has it. */
    reason: text(256).nullable().defaultRaw("NULLIF(current_setting('userd.reason'::text, true), ''::text)"),
  },
  primaryKeys: ["id", "changeTime"],
  indexes: [
    // The sequencer looks for what was committed since, by transactions.
    { name: "changes_xid_index", properties: ["xid", "id"] },
    { name: "changes_aggregate_index", properties: ["aggregateKind", "aggregateId", "id"] },
    { name: "changes_kind_index", properties: ["kind", "operation", "id"] },
    { name: "changes_caller_index", properties: ["caller", "id"] },
    indexOn("changes_project_index", "changes (project_id, id) where project_id is not null"),
    // One of a thousand entries: with their times, ids are bounds of a period.
    indexOn("changes_milestone_index", "changes (id, change_time) where ((id % 1024) = 0)"),
    indexOn("changes_acting_user_index", "changes (acting_user_id, id) where acting_user_id is not null"),
    // Rows come in the order of time, so a few bytes per hundred pages find a period.
    indexOn("changes_time_index", "changes using brin (change_time)"),
  ],
});

/** The table of the answers to writes with a request_id, kept for 24 hours, so that a retry gets the same answer. */
export const Idempotency = defineEntity({
  name: "Idempotency",
  tableName: "idempotency",
  properties: {
    caller: text(128).primary(),
    method: text(128).primary(),
    requestId: p.uuid().primary(),
    /** HMAC of the request's canonical bytes: tells a retry from a reuse without keeping the request. */
    requestHash: p.blob(),
    /** The encoded response message; null only inside the transaction that makes it. */
    response: p.blob().nullable(),
    /** What the answer is about: the kinds and ids of the aggregates that the write has locked or changed. It is erased with any of them. */
    subjects: p.array().defaultRaw("'{}'"),
    /** The answer was erased, and is empty: a request that is repeated is refused. */
    isErased: p.boolean().default(false),
    createTime: timeOfInsert(),
  },
  primaryKeys: ["caller", "method", "requestId"],
  indexes: [
    { name: "idempotency_create_time_index", properties: ["createTime"] },
    indexOn("idempotency_subject_index", "idempotency using gin (subjects)"),
  ],
});
