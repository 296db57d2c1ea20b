import { defineEntity, p } from "@mikro-orm/core";
import { text } from "./columns.ts";

/** The table of imported records that got another id or name than in their file: later imports find them by those of the file. */
export const ImportOrigin = defineEntity({
  name: "ImportOrigin",
  tableName: "import_origin",
  properties: {
    /** The name of the kind, such as user, organization or release; or account. */
    kind: text(64).primary(),
    pk: p.bigint().primary(),
    /** SHA-256 of its name in the file. The row is deleted when what has the name here is purged. */
    nameHash: text(64).primary(),
    id: p.bigint(),
  },
  primaryKeys: ["kind", "pk", "nameHash"],
  // A purge looks for what it removes.
  indexes: [{ name: "import_origin_id_idx", properties: ["kind", "id"] }],
});
