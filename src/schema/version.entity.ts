import { defineEntity, p } from "@mikro-orm/core";
import { canonical, indexOn, text } from "./columns.ts";

/** The table of the versions of aggregates; no row = version 0. It has no foreign keys: caches may hold versions of aggregates that are gone. */
export const AggregateVersion = defineEntity({
  name: "AggregateVersion",
  tableName: "aggregate_version",
  properties: {
    kind: text(32).primary(),
    id: p.bigint().primary(),
    version: p.bigint(),
    /** The transaction of the last bump: a transaction bumps an aggregate once. */
    xid: p.type("xid8").columnType("xid8"),
    /** The transaction of the last bump that rows of the change log tell of; any other bump is in version_bump. */
    toldXid: p.type("xid8").columnType("xid8").nullable(),
  },
  primaryKeys: ["kind", "id"],
});

/**
 * The table of the versions of canonical names that were ever claimed, by a digest, so that nobody's name is left when its users are purged. A write
 * that adds or drops a name locks the name here and raises the name's version.
 */
export const NameVersion = defineEntity({
  name: "NameVersion",
  tableName: "name_version",
  properties: {
    /** The first 128 bits of the name's SHA-256 in hex: the id of its aggregate. */
    digest: text(32).primary(),
    version: p.bigint(),
  },
  // Beside the primary key, which writes need: reads find a version by half of the buffers, however many names there are.
  indexes: [indexOn("name_version_hash_index", "name_version using hash (digest)")],
});

/**
 * The table in which the version before had canonical names in clear. Triggers keep it and `name_version` equal while instances of that version run.
 * This version adds nothing to it: a purge removes names from it, `userd names apply` removes them all.
 */
export const CanonicalName = defineEntity({
  name: "CanonicalName",
  tableName: "canonical_name",
  properties: {
    name: canonical().primary(),
    version: p.bigint(),
  },
  indexes: [
    indexOn("canonical_name_hash_index", "canonical_name using hash (name)"),
    indexOn("canonical_name_digest_index", "canonical_name (name_digest(name))"),
  ],
});
