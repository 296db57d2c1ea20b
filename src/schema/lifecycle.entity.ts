import { defineEntity, p } from "@mikro-orm/core";
import { id, indexOn, text, time, timeOfInsert, uniqueOn } from "./columns.ts";

/** The table of merges of users. The source of a merge stays in the table of users, with the id of the target. */
export const UserMerge = defineEntity({
  name: "UserMerge",
  tableName: "user_merge",
  properties: {
    id: id(),
    /** The source: the user that goes. */
    userId: p.bigint(),
    targetUserId: p.bigint(),
    createTime: timeOfInsert(),
    /** The moment from which the merge can't be undone, and what lost in it is kept no longer. */
    expireTime: time(),
    undoTime: time().nullable(),
    /** The moment when what lost was removed. */
    closeTime: time().nullable(),
  },
  indexes: [
    uniqueOn("user_merge_user_key", "user_merge (user_id) where undo_time is null"),
    indexOn("user_merge_target_index", "user_merge (target_user_id)"),
    indexOn("user_merge_expire_time_index", "user_merge (expire_time) where close_time is null"),
  ],
});

/**
 * The table of what large merges have yet to move: the rows of an owner after an id. The oldest part comes first; a merge without parts is done.
 * A part of user_profile is a profile to remove when it owns nothing any more.
 */
export const MergePart = defineEntity({
  name: "MergePart",
  tableName: "merge_part",
  properties: {
    id: id(),
    merge: () => p.manyToOne(UserMerge).mapToPk().deleteRule("cascade"),
    tableName: text(64),
    columnName: text(64),
    fromId: p.bigint(),
    toId: p.bigint(),
    /** The cursor: the rows up to this id are done. */
    lastId: p.bigint().defaultRaw("0"),
  },
  indexes: [{ name: "merge_part_merge_index", properties: ["merge", "id"] }],
});

/** The table of rows that merges gave to other owners, by which a merge is undone. */
export const MergeMove = defineEntity({
  name: "MergeMove",
  tableName: "merge_move",
  properties: {
    id: id(),
    merge: () => p.manyToOne(UserMerge).mapToPk().deleteRule("cascade"),
    tableName: text(64),
    columnName: text(64),
    rowId: p.bigint(),
    fromId: p.bigint(),
    toId: p.bigint(),
  },
  indexes: [{ name: "merge_move_merge_index", properties: ["merge", "id"] }],
});

/** The table of rows that lost in merges, as they were, and of rows of targets that took over something, as they were before. */
export const MergeDiscard = defineEntity({
  name: "MergeDiscard",
  tableName: "merge_discard",
  properties: {
    id: id(),
    merge: () => p.manyToOne(UserMerge).mapToPk().deleteRule("cascade"),
    tableName: text(64),
    rowId: p.bigint(),
    /** source, target: a row that lost. equal: the source's, which the target has too. changed: one of the target's that took over something. */
    side: text(16),
    row: p.json<unknown>(),
    /** Of a changed row: the columns that changed, as they were then. Of a profile: the one that took its place. */
    after: p.json<unknown>().nullable(),
    restoreTime: time().nullable(),
  },
  indexes: [
    { name: "merge_discard_merge_index", properties: ["merge", "id"] },
    // A purge of a scope removes the options there that have lost.
    indexOn(
      "merge_discard_scope_index",
      `merge_discard ((("row" ->> 'scope_kind')::smallint), (("row" ->> 'scope_id')::bigint)) where table_name = 'user_option'`,
    ),
  ],
});

/** The table of legal holds: users that can't be purged or merged. */
export const UserHold = defineEntity({
  name: "UserHold",
  tableName: "user_hold",
  properties: {
    id: id(),
    userId: p.bigint(),
    reason: text(500),
    createTime: timeOfInsert(),
  },
  uniques: [{ name: "user_hold_user_key", properties: ["userId"] }],
  checks: [{ name: "user_hold_reason_not_empty", expression: "reason <> ''" }],
});

/** The table of erasures: a receipt for each user that was purged. It has no id of a user, and no row of it is ever changed. */
export const Erasure = defineEntity({
  name: "Erasure",
  tableName: "erasure",
  properties: {
    id: id(),
    eraseTime: timeOfInsert(),
    /** A digest of the user's id with a key, in hex. */
    subject: text(64),
    /** What was signed: JSON, as it stands in receipts. */
    statement: p.text(),
    signature: p.blob(),
  },
  indexes: [{ name: "erasure_subject_index", properties: ["subject"] }],
});
