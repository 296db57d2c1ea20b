import { defineEntity, p } from "@mikro-orm/core";
import { handle } from "./columns.ts";

/**
 * One row per username or address ever claimed, folded (handles.ts). Whoever adds or drops a name locks its row first, so the
 * rules across usernames and addresses are checked one after the other; its version is the version of look-ups by it.
 */
export const Handle = defineEntity({
  name: "Handle",
  tableName: "handle",
  properties: {
    name: handle().primary(),
    version: p.bigint(),
  },
  // Beside the primary key, which writes need: reads find a version by half of the buffers, however many names there are.
  indexes: [{ name: "handle_name_index", expression: "create index handle_name_index on handle using hash (name)" }],
});
