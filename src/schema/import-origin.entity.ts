import { defineEntity, p } from "@mikro-orm/core";
import { text } from "./columns.ts";

/**
 * The record here that one of an imported file became, where its id or name is another one: the same record of a later file is
 * found by it.
 */
export const ImportOrigin = defineEntity({
  name: "ImportOrigin",
  tableName: "import_origin",
  properties: {
    /** user, organization, project, team or account. */
    kind: text(16).primary(),
    pk: p.bigint().primary(),
    /** SHA-256 of its name as the file has it: it goes with the purge of what has the name here. */
    nameHash: text(64).primary(),
    id: p.bigint(),
  },
  primaryKeys: ["kind", "pk", "nameHash"],
  // A purge looks for what it removes.
  indexes: [{ name: "import_origin_id_idx", properties: ["kind", "id"] }],
});
