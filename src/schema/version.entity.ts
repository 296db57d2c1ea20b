import { defineEntity, p } from "@mikro-orm/core";
import { canonical, indexOn, text } from "./columns.ts";

/**
 * The table of the versions of aggregates. A change raises the version in its own transaction. An absent row is version 0. There
 * is no foreign key: a version outlives its aggregate as long as a cache may hold it.
 */
export const AggregateVersion = defineEntity({
  name: "AggregateVersion",
  tableName: "aggregate_version",
  properties: {
    kind: text(32).primary(),
    id: p.bigint().primary(),
    version: p.bigint(),
    /** The transaction of the last bump: a transaction bumps an aggregate once. */
    xid: p.type("xid8").columnType("xid8"),
  },
  primaryKeys: ["kind", "id"],
});

/**
 * The table of canonical names: a row for each username or address ever claimed. A write that adds or drops a name locks its row
 * first, so the rules across usernames and addresses are checked one after the other. Answers to look-ups by the name have its version.
 */
export const CanonicalName = defineEntity({
  name: "CanonicalName",
  tableName: "canonical_name",
  properties: {
    name: canonical().primary(),
    version: p.bigint(),
  },
  // Beside the primary key, which writes need: reads find a version by half of the buffers, however many names there are.
  indexes: [indexOn("canonical_name_hash_index", "canonical_name using hash (name)")],
});
