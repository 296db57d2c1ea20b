import { defineEntity, p } from "@mikro-orm/core";
import { text } from "./columns.ts";

/**
 * The version of everything that an answer can depend on; it moves in the transaction of the change. An absent row is
 * version 0. No foreign key: a version outlives its aggregate as long as a cache may hold it.
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
