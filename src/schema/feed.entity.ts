import { defineEntity, p } from "@mikro-orm/core";
import { text, time, timeOfInsert, uniqueOn } from "./columns.ts";

/** A transaction id that does not wrap around. */
const xid8 = () => p.type("xid8").columnType("xid8");

/** What `pg_current_snapshot()` returns, as text. */
const snapshot = () => p.type("pg_snapshot").columnType("pg_snapshot");

/** The table of the bumps of aggregates and names that no row of the change log tells of, whoever raised the version. Triggers write it. */
export const VersionBump = defineEntity({
  name: "VersionBump",
  tableName: "version_bump",
  properties: {
    /** The transaction. The sequencer looks for rows by it. */
    xid: xid8().primary(),
    /** A number of the sequence that numbers the change log, too. */
    id: p.bigint().columnType("bigint").primary().autoincrement(),
    bumpTime: time().defaultRaw("clock_timestamp()"),
    aggregateKind: text(32),
    /** The id of the aggregate; of a canonical name the hash, in hexadecimal digits. */
    aggregateId: text(32),
    version: p.bigint(),
  },
  primaryKeys: ["xid", "id"],
});

/** The table of the feed: the position of each change, given after its commit. */
export const Feed = defineEntity({
  name: "Feed",
  tableName: "feed",
  properties: {
    position: p.bigint().primary().autoincrement(false),
    /** The id of the row in the change log, or of the bump. */
    changeId: p.bigint(),
    /** The time of that row: with it, the row is found in one partition of the log. */
    changeTime: time(),
    /** When the position was given: it is kept for a time from then on. */
    placeTime: time().defaultRaw("now()"),
    /** True for the bump of an aggregate that no row of the change log tells of. */
    isBump: p.boolean(),
    aggregateKind: text(32),
    aggregateId: text(32),
    version: p.bigint(),
  },
  indexes: [uniqueOn("feed_change_index", "feed (change_id)")],
});

/** The table of the head of the feed: one row, which is locked while positions are given. */
export const FeedHead = defineEntity({
  name: "FeedHead",
  tableName: "feed_head",
  properties: {
    id: p.smallint(),
    /** The epoch of the database in which positions are given. */
    epoch: text(128),
    /** The last position that was given: by its index the row is found among its outdated versions. */
    position: p.bigint().primary().autoincrement(false),
    /** All that this snapshot shows has a position. */
    snapshot: snapshot(),
    /** The time of the transaction that gave the last position. */
    time: time(),
    /** The highest id that was given a position. */
    changeId: p.bigint(),
    /** What has no higher id is of an earlier epoch, and has its position. */
    floorId: p.bigint(),
    /** While a batch is given positions in parts: the snapshot that shows all of it. */
    pendingSnapshot: snapshot().nullable(),
    /** The last id of the batch that has its position. */
    pendingId: p.bigint().nullable(),
  },
});

/** The table of the chain of the change log: for each batch of positions the codes that say whether its entries are as they were written. */
export const AuditChain = defineEntity({
  name: "AuditChain",
  tableName: "audit_chain",
  properties: {
    /** The last position of the batch. */
    position: p.bigint().primary().autoincrement(false),
    positions: p.array().columnType("bigint[]"),
    changeIds: p.array().columnType("bigint[]"),
    /** The first 8 bytes of the MAC of each entry. */
    tags: p.blob(),
    /** The MAC of the last entry, over it and all before it. */
    mac: p.blob(),
    createTime: timeOfInsert(),
  },
});
