import { defineEntity, p } from "@mikro-orm/core";
import { text } from "./columns.ts";

/** The table that maps the id and name of a record in an import file to the record's id in the database, where the id or name differs. */
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
