import { defineEntity, p } from "@mikro-orm/core";
import { canonical } from "./columns.ts";

/**
 * One row per username or address ever claimed, folded (canonical-names.ts). Whoever adds or drops a name locks its row first, so the
 * rules across usernames and addresses are checked one after the other; its version is the version of look-ups by it.
 */
export const CanonicalName = defineEntity({
  name: "CanonicalName",
  tableName: "canonical_name",
  properties: {
    name: canonical().primary(),
    version: p.bigint(),
  },
  // Beside the primary key, which writes need: reads find a version by half of the buffers, however many names there are.
  indexes: [
    { name: "canonical_name_hash_index", expression: "create index canonical_name_hash_index on canonical_name using hash (name)" },
  ],
});
